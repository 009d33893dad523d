"""The device's part of a function on PyTorch's ``meta`` device, whose tensors
have shapes and types, and no numbers: so a kernel that reads a number fails,
and one that takes a tensor from the host is found."""

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
    """Run the device's part of a compiled function for the shapes of its
    inputs' values.

    Parameters
    ----------
    function : theano.compile.function_module.Function
    arguments : arrays

    Returns
    -------
    list of tensor

    Raises
    ------
    NotCapturable, or what PyTorch raises
        If anything in it needs a number, or a tensor from the host.
    """
    given = iter(arguments)
    values = [
        next(given) if container.required else np.asarray(container.value)
        for container in function.input_storage
    ]
    scope = function.fn.program.scope
    # The same graph, with kernels for another device; constants lie there
    # before.
    scope = Scope(scope.fgraph, scope.order, META, scope.host)
    split = Split(types.SimpleNamespace(scope=scope, writers=[]))
    fixed = split.shapes(*values)
    known = dict(zip(split.fixed, fixed))
    known.update(zip(split.varying, split.numbers(*values, *fixed)))
    known.update(zip(scope.fgraph.inputs, values))
    taken = [
        known[variable] if form == 'h' else _shell(known[variable])
        for variable, form in split.parameters
    ]
    with (
        no_transfers(),
        _OnTheDevice(),
        mock.patch.object(torch, 'tensor', _from_the_host),
    ):
        return split.device(*taken)


def _shell(value):
    array = np.asarray(value)
    return torch.empty(
        array.shape, dtype=torch_dtype(array.dtype), device=META
    )


def _from_the_host(value, **kwargs):
    raise RuntimeError('torch.tensor takes a number from the host')


class _OnTheDevice(TorchDispatchMode):
    """Refuses what brings tensors from the host, or takes them from there.
    Single numbers may be arguments, as of kernels on CUDA."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [
            one
            for value in [*args, *kwargs.values()]
            for one in (value if isinstance(value, (list, tuple)) else [value])
            if isinstance(one, torch.Tensor)
        ]
        if function is torch.ops.aten.lift_fresh.default or any(
            tensor.ndim and tensor.device != META for tensor in tensors
        ):
            raise RuntimeError(f'{function} takes a tensor from the host')
        if function is torch.ops.aten._fused_adam_.tensor_lr:
            # As CUDA's. PyTorch has none for this device.
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
