"""One recording of a function: what it reads, and what comes of it."""

import numpy as np
import torch

from .graphs import Staging
from .values import (
    NotCapturable,
    Resident,
    is_tensor,
    memory,
    to_host,
    torch_dtype,
)

_ALIGNED = 16  # bytes: what kernels read at a time


class Recording:
    """What a function did on the device, to be done again.

    Parameters
    ----------
    device : torch.device
    numbers : list of array
        Of the kind that is sent to the device at each call.
    places : list of int
        Where these are among what the host computes.

    Attributes
    ----------
    sent : list of tensor
        Where they are read, on the device.
    stored : list of (int, list, Resident)
        Inputs whose values stay on the device: number, Theano's cell, and
        what is in it before and after each call.
    arguments : list
        What the device's part was given. A CUDA graph keeps none of it: where
        it was freed, others would write to what is read.
    launch : callable
        Does it.
    """

    def __init__(self, device, numbers, places):
        self.stored, self.arguments, self.launch = [], [], None
        self._device, self._inputs, self._outputs = device, [], []
        self._places, self._numbers = places, None
        self.sent, self._arrays = [], []
        if not numbers:
            return
        ends = np.cumsum(
            [-(-array.nbytes // _ALIGNED) * _ALIGNED for array in numbers]
        )
        bytes_ = torch.empty(int(ends[-1]), dtype=torch.uint8, device=device)
        self._numbers = Staging(bytes_)
        for array, start in zip(numbers, [0, *ends.tolist()]):
            end = start + array.nbytes
            self.sent.append(
                bytes_[start:end]
                .view(torch_dtype(array.dtype))
                .view(array.shape)
            )
            self._arrays.append(
                self._numbers.array[start:end]
                .view(array.dtype)
                .reshape(array.shape)
            )

    def place_for(self, i, tensor):
        """Where an input is read; each value of it is copied there."""
        place = torch.empty(
            tensor.shape, dtype=tensor.dtype, device=self._device
        )
        self._inputs.append(_Input(i, place))
        return place

    def add_tensor(self, tensor):
        """The next output is a tensor, which the caller gets on the host."""
        self._outputs.append(lambda numbers: _copied(tensor))

    def add_stored(self, home):
        """It is the new value of an input."""
        self._outputs.append(lambda numbers: home)

    def add_number(self, variable, place):
        """It is what the host computes."""
        copy = _copier(variable)
        self._outputs.append(lambda numbers: copy(numbers[place]))

    def add_constant(self, variable, value):
        """It is what the host has computed."""
        copy = _copier(variable)
        self._outputs.append(lambda numbers: copy(value))

    def replay(self, values, numbers):
        """Do it with the values of the inputs and the numbers that the host
        computes; returns a list of the outputs' values.
        """
        for i, cell, home in self.stored:
            value = values[i]
            if value is not home:
                home.tensor.copy_(_tensor(value), non_blocking=True)
                cell[0] = home
        for one in self._inputs:
            one.take(values[one.number])
        if self._numbers is not None:
            self._numbers.wait()
            for array, place in zip(self._arrays, self._places):
                array[...] = numbers[place]
            self._numbers.send()
        self.launch()
        return [output(numbers) for output in self._outputs]


class _Input:
    """An input that is copied at each call."""

    def __init__(self, number, place):
        self.number, self._place, self._staging = number, place, None

    def take(self, value):
        if not isinstance(value, np.ndarray):
            self._place.copy_(_tensor(value), non_blocking=True)
            return
        if self._staging is None:
            self._staging = Staging(self._place)
        self._staging.wait()
        self._staging.array[...] = value
        self._staging.send()


def write_back(values, targets):
    """Write the new values of inputs to where the old ones are.

    Parameters
    ----------
    values : list of tensor
    targets : dict of int to tensor
        Where to put which of them.

    Returns
    -------
    list of tensor
        The values; what was overwritten is not among them.

    Raises
    ------
    NotCapturable
        If one has another shape than before.
    """
    overwritten = {}
    for k, target in targets.items():
        if values[k].shape != target.shape:
            raise NotCapturable(
                'an update changes the shape of a value from '
                f'{tuple(target.shape)} to {tuple(values[k].shape)}'
            )
        if not _same_place(values[k], target):
            overwritten[k] = target
    lost = {memory(target) for target in overwritten.values()}
    # All of them are read before one is written.
    values = [
        value.clone() if memory(value) in lost else value for value in values
    ]
    for k, target in overwritten.items():
        target.copy_(values[k])
    return values


def _same_place(a, b):
    return (a.data_ptr(), a.shape, a.stride()) == (
        b.data_ptr(),
        b.shape,
        b.stride(),
    )


def _tensor(value):
    if isinstance(value, Resident):
        return value.tensor
    if isinstance(value, torch.Tensor):
        return value
    array = np.asarray(value)
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    return torch.from_numpy(array)


def _copied(tensor):
    array = to_host(tensor)
    return array.copy() if tensor.device.type == 'cpu' else array


def _copier(variable):
    return np.array if is_tensor(variable) else lambda value: value
