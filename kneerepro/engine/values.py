"""Values on the host and on the device, and their types."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import theano
import torch
from theano.tensor import TensorType

_DTYPES = {
    'bool': torch.bool,
    'int8': torch.int8,
    'int16': torch.int16,
    'int32': torch.int32,
    'int64': torch.int64,
    'uint8': torch.uint8,
    'uint16': torch.uint16,
    'uint32': torch.uint32,
    'uint64': torch.uint64,
    'float16': torch.float16,
    'float32': torch.float32,
    'float64': torch.float64,
    'complex64': torch.complex64,
    'complex128': torch.complex128,
}

#: Arrays of at most this many elements count as small.
SMALL_SIZE = 16

#: Types that PyTorch can store but hardly compute with.
UNSIGNED = {'uint16', 'uint32', 'uint64'}


def torch_dtype(dtype: Any) -> torch.dtype:
    """PyTorch's type for a NumPy or Theano type."""
    return _DTYPES[str(dtype)]


def computable(x: torch.Tensor) -> torch.Tensor:
    """A tensor in a type that PyTorch can compute with.

    Unsigned integers of more than 8 bits become int64. Sums, products and
    indices are the same to the bit in that type.
    """
    if x.dtype in (torch.uint16, torch.uint32, torch.uint64):
        return x.to(torch.int64)
    return x


class NotCapturableError(Exception):
    """A function cannot be recorded as a CUDA graph; the message says why."""


_thread = threading.local()


@contextlib.contextmanager
def no_transfers() -> Iterator[None]:
    """Forbid :func:`to_device` and :func:`to_host` to move data in this
    thread, because a recording would not repeat the transfer.

    Raises
    ------
    NotCapturableError
        Within the context, by either function if it would have to move data.
    """
    _thread.recording = True
    try:
        yield
    finally:
        _thread.recording = False


def _refuse_while_recording(what: str) -> None:
    if getattr(_thread, 'recording', False):
        raise NotCapturableError(f'during the recording, {what}')


class Resident:
    """A tensor in the storage of a function or of a shared variable.

    NumPy can use it like any array, at the price of a copy.

    Parameters
    ----------
    tensor : torch.Tensor
    """

    __slots__ = ('tensor',)

    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor

    @property
    def shape(self) -> torch.Size:
        """The shape of the tensor."""
        return self.tensor.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(to_host(self.tensor), dtype)

    def __array_function__(self, function, types, args, kwargs):
        if function is np.may_share_memory:
            # Theano asks this at each call, about tensors and arrays.
            a, b = args[:2]
            return (
                isinstance(a, Resident)
                and isinstance(b, Resident)
                and storage_address(a) == storage_address(b)
            )
        return function(
            *(
                np.asarray(value) if isinstance(value, Resident) else value
                for value in args
            ),
            **kwargs,
        )

    def __copy__(self):
        return Resident(self.tensor.clone())


@dataclass(frozen=True)
class Reversed:
    """A value whose tensor holds some axes in reverse order.

    NumPy would express this by negative strides, which PyTorch lacks.
    """

    tensor: torch.Tensor
    axes: tuple


def reversed_view(array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """A view of an array with some axes reversed."""
    # An axis of one element keeps its stride.
    axes = [axis for axis in axes if array.shape[axis] > 1]
    return np.flip(array, axes) if axes else array


def storage_address(value: Any) -> int | None:
    """The address of the memory of a tensor or an array.

    Returns None for any other value.
    """
    if isinstance(value, np.ndarray):
        backwards = sum(
            (size - 1) * stride
            for size, stride in zip(value.shape, value.strides)
            if stride < 0 < size
        )
        return value.__array_interface__['data'][0] + backwards
    if isinstance(value, Resident):
        value = value.tensor
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().data_ptr()
    return None


def to_device(value: Any, device: torch.device) -> torch.Tensor:
    """A NumPy array or scalar, or a tensor, as a tensor on a device.

    On the CPU, nothing is copied.
    """
    if isinstance(value, torch.Tensor):
        return value if value.device == device else value.to(device)
    if isinstance(value, Resident):
        return value.tensor.to(device)
    _refuse_while_recording('the host computes numbers for the device')
    array = np.asarray(value)
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy(order='K')
    tensor, origin = torch.from_numpy(array), array.base
    while isinstance(origin, np.ndarray):
        origin = origin.base
    if isinstance(origin, torch.Tensor) and _extent(origin) == _extent(tensor):
        # The array is itself a view of a tensor. A new tensor around it would
        # keep both alive, and each training step would add another layer.
        tensor = origin
    if device.type == 'cpu':
        return tensor
    # CUDA keeps its own copy of a small array until the transfer is done, so
    # nobody has to wait for it.
    return tensor.to(device, non_blocking=array.size <= SMALL_SIZE)


def _extent(tensor: torch.Tensor) -> tuple:
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def to_host(value: Any) -> Any:
    """A tensor as a NumPy array; other values are returned as they are.

    On the CPU, nothing is copied.
    """
    if isinstance(value, Resident):
        value = value.tensor
    if not isinstance(value, torch.Tensor):
        return value
    _refuse_while_recording('the host reads numbers from the device')
    array = value.numpy(force=True)
    if 0 in array.strides and array.size > 1:
        # In a broadcast tensor, several elements share one place in memory.
        array = array.copy()
    return array


def is_tensor(variable: theano.Variable) -> bool:
    """Whether a variable stands for an array, of any number of dimensions."""
    return isinstance(variable.type, TensorType)
