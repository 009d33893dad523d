"""Sums over processes, and the rows that a process has.

``torch.distributed`` carries out the sums: gloo on the CPU, NCCL on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist

from .. import processes
from ..breaks import at_each_call
from ..dispatch import register
from ..distributed import (
    AllReduce,
    FinishAllReduce,
    Minibatch,
    OwnRows,
    PlaceRows,
    StartAllReduce,
)
from ..layout import memory_order
from ..values import computable


@dataclass(frozen=True)
class _Layout:
    """What a tensor looks like, apart from its values.

    Attributes
    ----------
    shape : torch.Size
    dtype : torch.dtype
    order : list of int
        The axes, from the largest stride to the smallest.
    """

    shape: torch.Size
    dtype: torch.dtype
    order: list[int]


class _Sums:
    """Tensors that are summed over the processes.

    Parameters
    ----------
    tensors : list of tensor
    mean : bool
        Whether to compute means.
    check : callable, optional
        What to call before the tensors are sent.
    """

    def __init__(
        self,
        tensors: Sequence[torch.Tensor],
        mean: bool,
        check: Callable[[], None] | None = None,
    ):
        self._layouts = [
            _Layout(x.shape, x.dtype, memory_order(x)) for x in tensors
        ]
        # The elements are in the order of the axes. Strides may differ between
        # processes, because an algorithm may depend on the number of rows.
        self._flat = torch.cat([computable(x).reshape(-1) for x in tensors])
        self._divisor = processes.size() if mean else 1
        self._check, self._work = check, None
        self._several = processes.size() > 1
        if self._several:
            # gloo's calls cannot be recorded. NCCL's can, but that has not
            # been tried with several devices.
            at_each_call(self._send)

    def _send(self):
        if self._check is not None:
            self._check()
        numbers = self._flat
        if numbers.is_complex():
            numbers = torch.view_as_real(numbers)
        with processes.connected():
            self._work = dist.all_reduce(numbers, async_op=True)
        processes.count(numbers.numel() * numbers.element_size())

    def _wait(self):
        # On CUDA, this makes the stream wait and not the host.
        with processes.connected():
            self._work.wait()
        self._work = None

    def finish(self) -> list[torch.Tensor]:
        """Wait for the sums, and return them."""
        if self._several:
            at_each_call(self._wait)
        flat = self._flat
        if self._divisor > 1:
            flat /= self._divisor
        parts = flat.split([layout.shape.numel() for layout in self._layouts])
        return list(map(_laid_out, parts, self._layouts))


def _laid_out(part: torch.Tensor, layout: _Layout) -> torch.Tensor:
    """A sum with its axes in the order in memory that the tensor had, so that
    what follows is as fast as without the sum.
    """
    x, order = part.view(layout.shape).to(layout.dtype), layout.order
    if order == sorted(order):
        return x
    back = sorted(order, key=order.__getitem__)
    return x.permute(order).contiguous().permute(back)


@register(AllReduce)
def _build_all_reduce(op, node):
    return lambda x: _Sums([x], op.mean).finish()[0]


@register(StartAllReduce)
def _build_start(op, node):
    unchecked = [op.signature]

    def check():
        if unchecked:
            _check_signature(unchecked[0])
            unchecked.clear()

    return lambda *tensors: _Sums(tensors, op.mean, check)


def _check_signature(signature):
    if not processes.all_equal(signature):
        raise RuntimeError(
            'the processes are about to sum different things: they have '
            'compiled different graphs, or call different functions. Build '
            'the same graph on all of them, with the same versions of all '
            'packages, and call its functions in the same order'
        )


@register(FinishAllReduce)
def _build_finish(op, node):
    if len(op.types) == 1:
        return lambda sums: sums.finish()[0]
    return lambda sums: tuple(sums.finish())


@register(Minibatch)
def _build_minibatch(op, node):
    return lambda x: x


@register(OwnRows)
def _build_own_rows(op, node):
    def own_rows(x):
        rows = processes.own_rows(x.shape[op.axis])
        return x.narrow(op.axis, rows.start, rows.stop - rows.start)

    return own_rows


@register(PlaceRows, host=[1], fresh=True)
def _build_place_rows(op, node):
    def place_rows(x, n):
        rows = processes.own_rows(int(n))
        shape = list(x.shape)
        shape[op.axis] = int(n)
        whole = x.new_zeros(shape)
        whole.narrow(op.axis, rows.start, rows.stop - rows.start).copy_(x)
        return whole

    return place_rows
