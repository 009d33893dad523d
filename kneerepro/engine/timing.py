"""How long each operation takes, as ``theano.function(profile=True)`` asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from theano.compile import profiling
from theano.gof import Apply
from theano.scan_module import scan_op


class OpTimes:
    """Times of the operations of a function, since they were last taken.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._seconds: Counter = Counter()
        self._calls: Counter = Counter()
        self._has_kernel: dict[Apply, bool] = {}

    def timed(
        self, node: Apply, function: Callable, has_kernel: bool
    ) -> Callable:
        """What carries out a node, with a clock.

        Parameters
        ----------
        node : theano.gof.Apply
        function : callable
        has_kernel : bool
            Whether this is a kernel, rather than Theano's Python code.
        """
        self._has_kernel[node] = has_kernel

        def run(*inputs, **kwargs):
            start = self._now()
            result = function(*inputs, **kwargs)
            self._seconds[node] += self._now() - start
            self._calls[node] += 1
            return result

        return run

    def _now(self) -> float:
        if self._device.type == 'cuda':
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def move_to(self, profile: Any) -> None:
        """Add the times to a profile, and start again from zero.

        Parameters
        ----------
        profile : theano.compile.profiling.ProfileStats
            Its columns distinguish C code from Python code; kernels count as
            C code.
        """
        for node, has_kernel in self._has_kernel.items():
            profile.apply_cimpl[node] = has_kernel
            for totals, new in (
                (profile.apply_time, self._seconds),
                (profile.apply_callcount, self._calls),
            ):
                totals[node] = totals.get(node, 0) + new[node]
        self._seconds.clear()
        self._calls.clear()


def _print_overhead_of_loops(
    message, compile_time, call_time, apply_time, *others, **kwargs
):
    """What Theano prints about loops, for those that Theano itself runs: it
    expects an inner function in each of them.
    """
    known = {
        node: seconds
        for node, seconds in apply_time.items()
        if hasattr(node.op, 'fn') or not isinstance(node.op, scan_op.Scan)
    }
    scan_op.profile_printer(
        message, compile_time, call_time, known, *others, **kwargs
    )


profiling._profiler_printers[:] = [
    _print_overhead_of_loops if printer is scan_op.profile_printer else printer
    for printer in profiling._profiler_printers
]
