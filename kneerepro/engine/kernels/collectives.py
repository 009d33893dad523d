"""Sums over processes, and the rows that a process has.

``torch.distributed`` carries out the sums: gloo on the CPU, NCCL on CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from .. import processes
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


@dataclass(frozen=True)
class _Started:
    """Sums that are being computed.

    Attributes
    ----------
    flat : tensor
        The elements of all tensors. Here the sums will be.
    work : torch.distributed.Work or None
        What to wait for; None with one process.
    divisor : int
        By which to divide the sums.
    layouts : list of _Layout
        Those of the tensors.
    """

    flat: torch.Tensor
    work: Any
    divisor: int
    layouts: list[_Layout]


def _start(tensors: Sequence[torch.Tensor], mean: bool) -> _Started:
    # The elements are in the order of the axes. Strides may differ between
    # processes, because an algorithm may depend on the number of rows.
    flat = torch.cat([computable(x).reshape(-1) for x in tensors])
    numbers = torch.view_as_real(flat) if flat.is_complex() else flat
    work = None
    if processes.size() > 1:
        with processes.connected():
            work = dist.all_reduce(numbers, async_op=True)
        processes.count(numbers.numel() * numbers.element_size())
    return _Started(
        flat=flat,
        work=work,
        divisor=processes.size() if mean else 1,
        layouts=[_Layout(x.shape, x.dtype, memory_order(x)) for x in tensors],
    )


def _finish(started: _Started) -> list[torch.Tensor]:
    if started.work is not None:
        # On CUDA, this makes the stream wait and not the host.
        with processes.connected():
            started.work.wait()
    flat = started.flat
    if started.divisor > 1:
        flat /= started.divisor
    parts = flat.split([layout.shape.numel() for layout in started.layouts])
    return list(map(_laid_out, parts, started.layouts))


def _laid_out(part: torch.Tensor, layout: _Layout) -> torch.Tensor:
    """A sum with its axes in the order in memory that the tensor had, so that
    what follows is as fast as without the sum.
    """
    x, order = part.view(layout.shape).to(layout.dtype), layout.order
    if order == sorted(order):
        return x
    back = sorted(order, key=order.__getitem__)
    return x.permute(order).contiguous().permute(back)


# A recording could hold NCCL's calls, but not gloo's. Neither has been tried
# on several devices, so functions with such sums are not recorded.
@register(AllReduce, waits=True)
def _build_all_reduce(op, node):
    def all_reduce(x):
        return _finish(_start([x], op.mean))[0]

    return all_reduce


@register(StartAllReduce, waits=True)
def _build_start(op, node):
    unchecked = [op.signature]

    def start(*tensors):
        if unchecked and processes.size() > 1:
            _check_signature(unchecked[0])
            unchecked.clear()
        return _start(tensors, op.mean)

    return start


def _check_signature(signature):
    if not processes.all_equal(signature):
        raise RuntimeError(
            'the processes are about to sum different things: they have '
            'compiled different graphs, or call different functions. Build '
            'the same graph on all of them, with the same versions of all '
            'packages, and call its functions in the same order'
        )


@register(FinishAllReduce, waits=True)
def _build_finish(op, node):
    if len(op.types) == 1:
        return lambda started: _finish(started)[0]
    return lambda started: tuple(_finish(started))


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
