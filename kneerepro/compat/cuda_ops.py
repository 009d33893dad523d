"""Stand in for ``theano.sandbox.cuda.basic_ops``.

Its Ops moved variables to and from Theano's GPU. Here, they return the
variables as they are: the engine copies values to CUDA by itself.
"""

from __future__ import annotations

from typing import Any

import theano.tensor as T
from theano.gof import Op

__all__ = [
    'GpuAllocEmpty',
    'GpuFromHost',
    'HostFromGpu',
    'as_cuda_ndarray_variable',
    'as_gpuarray_variable',
    'gpu_alloc_empty',
    'gpu_contiguous',
    'gpu_from_host',
    'host_from_gpu',
    'infer_context_name',
]


class GpuFromHost(Op):
    """No node has this Op. Programs look for it in their graphs."""


class HostFromGpu(Op):
    """No node has this Op. Programs look for it in their graphs."""


def as_cuda_ndarray_variable(x: Any) -> Any:
    """Return `x` as a Theano variable.

    Parameters
    ----------
    x : variable, array or number

    Returns
    -------
    variable
    """
    return T.as_tensor_variable(x)


gpu_contiguous = as_cuda_ndarray_variable
gpu_from_host = as_cuda_ndarray_variable
host_from_gpu = as_cuda_ndarray_variable


def as_gpuarray_variable(x: Any, context_name: str | None = None) -> Any:
    """Return `x` as a Theano variable, whatever the context.

    Parameters
    ----------
    x : variable, array or number
    context_name : str, optional

    Returns
    -------
    variable
    """
    return T.as_tensor_variable(x)


def infer_context_name(*variables: Any) -> None:
    """Return the name of the default context, which is None.

    Parameters
    ----------
    *variables : variable
    """


def GpuAllocEmpty(  # noqa: N802, Theano's name
    dtype: str, context_name: str | None = None
) -> Any:
    """Return an Op that allocates memory without setting it.

    Parameters
    ----------
    dtype : str
    context_name : str, optional

    Returns
    -------
    theano.tensor.AllocEmpty
    """
    return T.AllocEmpty(dtype)


gpu_alloc_empty = T.AllocEmpty('float32')
