"""One recording of a function: what it reads, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import theano
import torch

from .cuda_graphs import Staging
from .values import (
    NotCapturableError,
    Resident,
    is_tensor,
    storage_address,
    to_host,
    torch_dtype,
)

_ALIGNMENT = 16  # bytes: the most that a kernel reads at a time


class Recording:
    """What a function did on the device, ready to be repeated.

    Parameters
    ----------
    device : torch.device
    sent : dict of int to array
        The host values that are sent to the device at each call: their
        positions among all host values, and examples of them.

    Attributes
    ----------
    sent_tensors : list of tensor
        Where the device reads these values.
    stored : list of (int, list, Resident)
        The inputs whose values stay on the device: the number of each, its
        cell in Theano, and the static buffer that is in the cell before and
        after each call.
    arguments : list
        The arguments of the device part. A CUDA graph does not keep them
        alive. If they were freed, others could write into the memory that the
        graph reads.
    launch : callable
        Repeats the recorded work.
    """

    def __init__(self, device: torch.device, sent: Mapping[int, np.ndarray]):
        self.stored: list[tuple[int, list, Resident]] = []
        self.arguments: list = []
        self.launch: Any = None  # set once the recording is made
        self._device = device
        self._copied_inputs: list[_CopiedInput] = []
        self._outputs: list[Callable[[Sequence], Any]] = []
        self._sent_positions = list(sent)
        self._packed = (
            _PackedValues(device, list(sent.values())) if sent else None
        )
        self.sent_tensors = self._packed.tensors if self._packed else []

    def add_input(self, i: int, tensor: torch.Tensor) -> torch.Tensor:
        """Make a buffer into which each value of an input is copied.

        Parameters
        ----------
        i : int
            The number of the input.
        tensor : torch.Tensor
            A value with its shape and type.

        Returns
        -------
        torch.Tensor
        """
        buffer = torch.empty(
            tensor.shape, dtype=tensor.dtype, device=self._device
        )
        self._copied_inputs.append(_CopiedInput(i, buffer))
        return buffer

    def add_tensor(self, tensor: torch.Tensor) -> None:
        """Declare the next output: a tensor, which the caller gets on the
        host.
        """
        self._outputs.append(lambda host_values: _to_host_copy(tensor))

    def add_stored(self, static_buffer: Resident) -> None:
        """Declare the next output: the new value of an input, in its
        buffer.
        """
        self._outputs.append(lambda host_values: static_buffer)

    def add_host_value(self, variable: theano.Variable, k: int) -> None:
        """Declare the next output: the host value at position `k`."""
        copy = _copier(variable)
        self._outputs.append(lambda host_values: copy(host_values[k]))

    def add_constant(self, variable: theano.Variable, value: Any) -> None:
        """Declare the next output: always the same value on the host."""
        copy = _copier(variable)
        self._outputs.append(lambda host_values: copy(value))

    def replay(self, values: Sequence, host_values: Sequence) -> list:
        """Repeat the recorded work.

        Parameters
        ----------
        values : list
            The inputs' values.
        host_values : list
            What the host part has computed from them.

        Returns
        -------
        list
            The outputs' values.
        """
        for i, cell, static_buffer in self.stored:
            value = values[i]
            if value is not static_buffer:
                static_buffer.tensor.copy_(_tensor(value), non_blocking=True)
                cell[0] = static_buffer
        for copied in self._copied_inputs:
            copied.take(values[copied.number])
        if self._packed is not None:
            self._packed.send([host_values[k] for k in self._sent_positions])
        self.launch()
        return [output(host_values) for output in self._outputs]


class _PackedValues:
    """Small arrays that are sent to the device together, in one transfer.

    Parameters
    ----------
    device : torch.device
    arrays : list of array
        Examples with the shapes and types.

    Attributes
    ----------
    tensors : list of tensor
        Where the device reads them.
    """

    def __init__(self, device: torch.device, arrays: Sequence[np.ndarray]):
        ends = np.cumsum(
            [
                -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT  # rounded up
                for array in arrays
            ]
        )
        memory = torch.empty(int(ends[-1]), dtype=torch.uint8, device=device)
        self._staging = Staging(memory)
        self.tensors, self._arrays = [], []
        for array, start in zip(arrays, [0, *ends.tolist()]):
            end = start + array.nbytes
            self.tensors.append(
                memory[start:end]
                .view(torch_dtype(array.dtype))
                .view(array.shape)
            )
            self._arrays.append(
                self._staging.array[start:end]
                .view(array.dtype)
                .reshape(array.shape)
            )

    def send(self, values: Sequence) -> None:
        """Send new values of the same shapes and types."""
        self._staging.wait()
        for array, value in zip(self._arrays, values):
            array[...] = value
        self._staging.send()


class _CopiedInput:
    """An input whose value is copied into a buffer at each call."""

    def __init__(self, number: int, buffer: torch.Tensor):
        self.number, self._buffer = number, buffer
        self._staging: Staging | None = None

    def take(self, value: Any) -> None:
        """Copy a value into the buffer."""
        if not isinstance(value, np.ndarray):
            self._buffer.copy_(_tensor(value), non_blocking=True)
            return
        if self._staging is None:
            self._staging = Staging(self._buffer)
        self._staging.wait()
        self._staging.array[...] = value
        self._staging.send()


def write_back(
    values: Sequence[torch.Tensor], targets: Mapping[int, torch.Tensor]
) -> list[torch.Tensor]:
    """Write the new values of inputs over the old ones.

    Parameters
    ----------
    values : list of tensor
    targets : dict of int to tensor
        The positions of new values, and where each goes.

    Returns
    -------
    list of tensor
        The values. None of them is in memory that was overwritten.

    Raises
    ------
    NotCapturableError
        If a new value has another shape than the old one.
    """
    overwritten = {}
    for k, target in targets.items():
        if values[k].shape != target.shape:
            raise NotCapturableError(
                'an update changes the shape of a value from '
                f'{tuple(target.shape)} to {tuple(values[k].shape)}'
            )
        if not _same_place(values[k], target):
            overwritten[k] = target
    lost = {storage_address(target) for target in overwritten.values()}
    # All values are read before any is written.
    values = [
        value.clone() if storage_address(value) in lost else value
        for value in values
    ]
    for k, target in overwritten.items():
        target.copy_(values[k])
    return values


def _same_place(a: torch.Tensor, b: torch.Tensor) -> bool:
    return (a.data_ptr(), a.shape, a.stride()) == (
        b.data_ptr(),
        b.shape,
        b.stride(),
    )


def _tensor(value: Any) -> torch.Tensor:
    if isinstance(value, Resident):
        return value.tensor
    if isinstance(value, torch.Tensor):
        return value
    array = np.asarray(value)
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    return torch.from_numpy(array)


def _to_host_copy(tensor: torch.Tensor) -> np.ndarray:
    array = to_host(tensor)
    return array.copy() if tensor.device.type == 'cpu' else array


def _copier(variable: theano.Variable) -> Callable[[Any], Any]:
    return np.array if is_tensor(variable) else lambda value: value
