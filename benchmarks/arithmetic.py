"""The least time that the multiplications of a step can take."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# Rows and columns of the matrices, and the sizes of the convolution, whose
# products show how fast a processor multiplies at best.
_SIZE = 2048
_IMAGES, _CHANNELS, _PIXELS = 8, 256, 32


def limit(step: Callable[[], object], with_engine: bool) -> float:
    """Seconds that the multiplications of a step take at the best speed.

    Parameters
    ----------
    step : callable
        It is called once.
    with_engine : bool
        Whether to count what the engine multiplies in code of its own.
    """
    return count_products(step, with_engine) / products_per_second()


def count_products(step: Callable[[], object], with_engine: bool) -> int:
    """Count the multiplications of a step. Arguments as for :func:`limit`."""
    counter = _Counter()
    with contextlib.ExitStack() as stack:
        counts = stack.enter_context(_own_products()) if with_engine else []
        stack.enter_context(counter)
        step()
    # PyTorch counts a multiplication as two operations, with its addition.
    return counter.operations // 2 + sum(counts)


class _Counter(TorchDispatchMode):
    """Counts operations with PyTorch's formulas. (PyTorch's own counter also
    follows modules, and fails if there is a gradient within the loss.)

    Attributes
    ----------
    operations : int
    """

    def __init__(self):
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        formula = _FORMULAS.get(function._overloadpacket)
        if formula is None:
            # In inference mode, operations come as they were called.
            with self:
                result = function.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = function(*args, **kwargs)
        if formula is not None:
            self.operations += formula(*args, **kwargs, out_val=result)
        return result


def _added_products(total, first, second, **kwargs):
    return 2 * math.prod(first.shape) * second.shape[-1]


# PyTorch has no formula for products that are added in place.
_FORMULAS = {**flop_registry, torch.ops.aten.baddbmm_: _added_products}


@contextlib.contextmanager
def _own_products() -> Iterator[list[int]]:
    """A list to which each convolution by minimal filtering adds its number
    of products.
    """
    from kneerepro.engine.kernels import conv_winograd

    counts: list[int] = []

    def counting(function, describe):
        def counted(*args):
            result = function(*args)
            images, shape, outputs, stride = describe(result, *args)
            counts.append(
                conv_winograd.products(len(images), shape, outputs, stride)
            )
            return result

        return counted

    def forward(result, images, filters, bias, stride, *rest):
        return images, filters.shape, result.shape[2:], stride

    def grad_weights(result, images, grad_output, shape, stride, *rest):
        return images, shape, grad_output.shape[2:], stride

    def grad_inputs(result, filters, grad_output, shape, bias, stride, *rest):
        return result, filters.shape, grad_output.shape[2:], stride

    with mock.patch.multiple(
        conv_winograd,
        **{
            describe.__name__: counting(
                getattr(conv_winograd, describe.__name__), describe
            )
            for describe in (forward, grad_weights, grad_inputs)
        },
    ):
        yield counts


def products_per_second() -> float:
    """How many products the machine makes at best, measured by a product of
    matrices and a convolution of PyTorch's.
    """
    matrix = torch.ones(_SIZE, _SIZE)
    images = torch.ones(_IMAGES, _CHANNELS, _PIXELS, _PIXELS)
    filters = torch.ones(_CHANNELS, _CHANNELS, 3, 3)
    return max(
        _SIZE**3 / _shortest(lambda: torch.mm(matrix, matrix)),
        filters.numel()
        * _IMAGES
        * _PIXELS**2
        / _shortest(lambda: torch.conv2d(images, filters, padding=1)),
    )


def _shortest(function):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
