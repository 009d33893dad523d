"""Compilation of what convolutions need, while Theano optimises the graph.

The compiler takes seconds for each size of filters, in a process of its own.
If the first call of a function started it, that call would have to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import torch
from theano.gof import FunctionGraph
from theano.gof.opt import Optimizer

from .conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS, Convolution

_TASKS = {
    **dict.fromkeys(FORWARD, 'forward'),
    **dict.fromkeys(GRAD_INPUTS, 'grad_inputs'),
    **dict.fromkeys(GRAD_WEIGHTS, 'grad_weights'),
}
# Stands for a number of images that the graph does not say.
_BATCH_SIZE = 64


class CompileAhead(Optimizer):
    """Starts to compile what the convolutions of a graph will probably need.

    It leaves the graph as it is. Convolutions in it say for which shapes of
    images and filters they were made; those that do not are left out.
    """

    def apply(self, fgraph: FunctionGraph) -> None:
        """Go through a graph."""
        for node in fgraph.apply_nodes:
            task = _TASKS.get(type(node.op))
            if task is None:
                continue
            images, filters = node.op.imshp, node.op.kshp
            if images and filters and _known([*images[1:], *filters]):
                Convolution(node.op).start_compiling(
                    task,
                    getattr(torch, node.outputs[0].dtype, None),
                    [images[0] or _BATCH_SIZE, *images[1:]],
                    filters,
                )


def _known(shape: Sequence[object]) -> bool:
    return all(isinstance(size, Integral) for size in shape)
