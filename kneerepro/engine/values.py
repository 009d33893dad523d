"""Values on the host and on the device, and their types."""

import contextlib
import threading
from collections import namedtuple

import numpy as np
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

#: What counts as a few numbers.
FEW = 16

# PyTorch can hold these, but hardly compute with them.
UNSIGNED = {'uint16', 'uint32', 'uint64'}


def torch_dtype(dtype):
    """PyTorch's type for a NumPy or Theano one."""
    return _DTYPES[str(dtype)]


def computable(x):
    """A tensor in a type that PyTorch computes with: unsigned integers become
    int64, in which sums, products and indices come out the same to the
    bit.
    """
    if x.dtype in (torch.uint16, torch.uint32, torch.uint64):
        return x.to(torch.int64)
    return x


class NotCapturable(Exception):
    """What a function does cannot be recorded as a CUDA graph; says why."""


_thread = threading.local()


@contextlib.contextmanager
def no_transfers():
    """Have :func:`to_device` and :func:`to_host` refuse, in this thread, to
    move anything: a recording would not do it again.

    Raises
    ------
    NotCapturable
        Inside, by what would have been moved.
    """
    _thread.recording = True
    try:
        yield
    finally:
        _thread.recording = False


def _refuse_in_recordings(what):
    if getattr(_thread, 'recording', False):
        raise NotCapturable(f'in the middle of it, {what}')


class Resident:
    """A tensor as it lies in the storage of a function or a shared variable.

    To NumPy it is an array like any other, at the price of a copy.

    Parameters
    ----------
    tensor : torch.Tensor
    """

    __slots__ = ('tensor',)

    def __init__(self, tensor):
        self.tensor = tensor

    @property
    def shape(self):
        return self.tensor.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(to_host(self.tensor), dtype)

    def __array_function__(self, function, types, args, kwargs):
        if function is np.may_share_memory:
            # Theano asks at each call, of tensors and of arrays.
            a, b = args[:2]
            return (
                isinstance(a, Resident)
                and isinstance(b, Resident)
                and memory(a) == memory(b)
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


Reversed = namedtuple('Reversed', 'tensor axes')
Reversed.__doc__ = """A value of which a tensor holds some axes reversed.

PyTorch knows no negative strides, NumPy does.
"""


def reverse(array, axes):
    """A view of an array, with axes reversed."""
    # An axis of one element keeps its stride.
    axes = [axis for axis in axes if array.shape[axis] > 1]
    return np.flip(array, axes) if axes else array


def memory(value):
    """The address of what a tensor or an array is stored in; None of what is
    neither.
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


def to_device(value, device):
    """A NumPy array or scalar, or a tensor, as a tensor on a device; on the
    CPU without a copy.
    """
    if isinstance(value, Resident):
        return value.tensor.to(device)
    if isinstance(value, torch.Tensor):
        return value.to(device)
    _refuse_in_recordings('the host computes numbers for the device')
    array = np.asarray(value)
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy(order='K')
    tensor, origin = torch.from_numpy(array), array.base
    while isinstance(origin, np.ndarray):
        origin = origin.base
    if isinstance(origin, torch.Tensor) and _place(origin) == _place(tensor):
        # A tensor of the array of a tensor would keep both alive, and so one
        # more of each after every step of a training.
        tensor = origin
    # Of a few numbers, CUDA keeps a copy until they are there, so that nobody
    # has to wait.
    return tensor.to(device, non_blocking=array.size <= FEW)


def _place(tensor):
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()


def to_host(value):
    """A tensor as a NumPy array; on the CPU without a copy."""
    if isinstance(value, Resident):
        value = value.tensor
    if not isinstance(value, torch.Tensor):
        return value
    _refuse_in_recordings('the host reads numbers from the device')
    array = value.detach().resolve_conj().cpu().numpy()
    if 0 in array.strides and array.size > 1:
        # Of a broadcast tensor, several elements are one.
        array = array.copy()
    return array


def is_tensor(variable):
    return isinstance(variable.type, TensorType)
