"""Runs the device part of a function on PyTorch's ``meta`` device.

Tensors on that device have shapes and types, but no numbers. So a kernel that
reads a number fails, and one that takes a tensor from the host is found."""

import types
from unittest import mock

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kneerepro.engine.source import Scope
from kneerepro.engine.split import Split
from kneerepro.engine.values import no_transfers, torch_dtype

META = torch.device('meta')


def device_part(function, *arguments):
    """Run the device part of a compiled function, for inputs of these shapes.

    Parameters
    ----------
    function : theano.compile.function_module.Function
    arguments : arrays

    Returns
    -------
    list of tensor

    Raises
    ------
    NotCapturableError, or what PyTorch raises
        If a kernel needs a number, or a tensor from the host.
    """
    given = iter(arguments)
    values = [
        next(given) if container.required else np.asarray(container.value)
        for container in function.input_storage
    ]
    scope = function.fn.program.scope
    # The same graph, with kernels for another device. Constants are put there
    # beforehand.
    scope = Scope(scope.fgraph, scope.order, META, scope.host)
    split = Split(types.SimpleNamespace(scope=scope, writers=[]))
    fixed = split.compute_shape_dependent(*values)
    known = dict(zip(split.shape_dependent, fixed))
    known.update(
        zip(
            split.value_dependent,
            split.compute_value_dependent(*values, *fixed),
        )
    )
    known.update(zip(scope.fgraph.inputs, values))
    taken = [
        known[variable] if form == 'h' else _on_meta(known[variable])
        for variable, form in split.parameters
    ]
    with (
        no_transfers(),
        _DeviceOnly(),
        mock.patch.object(torch, 'tensor', _refuse_host_number),
    ):
        return split.device_part(*taken)


def _on_meta(value):
    array = np.asarray(value)
    return torch.empty(
        array.shape, dtype=torch_dtype(array.dtype), device=META
    )


def _refuse_host_number(value, **kwargs):
    raise RuntimeError('torch.tensor takes a number from the host')


class _DeviceOnly(TorchDispatchMode):
    """Refuses operations on tensors from the host, except for single numbers,
    which kernels on CUDA accept as arguments."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [
            tensor
            for value in [*args, *kwargs.values()]
            for tensor in (
                value if isinstance(value, (list, tuple)) else [value]
            )
            if isinstance(tensor, torch.Tensor)
        ]
        if function is torch.ops.aten.lift_fresh.default or any(
            tensor.ndim and tensor.device != META for tensor in tensors
        ):
            raise RuntimeError(f'{function} takes a tensor from the host')
        if function is torch.ops.aten._fused_adam_.tensor_lr:
            # PyTorch has no such kernel for this device. Check what CUDA's
            # kernel checks.
            rate = kwargs['lr']
            if (rate.device, rate.dtype) != (META, torch.float32):
                raise RuntimeError('expected scalar type Float')
            return None
        if function in (
            torch.ops.aten.batch_norm_update_stats.default,
            torch.ops.aten.batch_norm_backward_reduce.default,
        ):
            channels = args[0].new_empty(args[0].shape[1])
            return (channels,) * len(function._schema.returns)
        return function(*args, **kwargs)
