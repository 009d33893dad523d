"""Values on the host and on the device, and their types."""

import numpy as np
import torch
from theano.tensor import TensorType

_DTYPES = {'bool': torch.bool, 'int8': torch.int8, 'int16': torch.int16,
           'int32': torch.int32, 'int64': torch.int64, 'uint8': torch.uint8,
           'uint16': torch.uint16, 'uint32': torch.uint32,
           'uint64': torch.uint64, 'float16': torch.float16,
           'float32': torch.float32, 'float64': torch.float64,
           'complex64': torch.complex64, 'complex128': torch.complex128}

# PyTorch can hold these, but hardly compute with them.
UNSIGNED = {'uint16', 'uint32', 'uint64'}


def torch_dtype(dtype):
    """PyTorch's type for a NumPy or Theano one."""
    return _DTYPES[str(dtype)]


def to_device(value, device):
    """A NumPy array or scalar as a tensor; on the CPU without a copy."""
    array = np.asarray(value)
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    return torch.from_numpy(array).to(device)


def to_host(tensor):
    """A tensor as a NumPy array; on the CPU without a copy."""
    array = tensor.detach().cpu().numpy()
    if 0 in array.strides and array.size > 1:
        # Of a broadcast tensor, several elements are one.
        array = array.copy()
    return array


def is_tensor(variable):
    return isinstance(variable.type, TensorType)
