"""Sums over processes in few calls.

Sums that other sums wait for, such as the statistics of batch normalisation,
are grouped by how many sums have to come before them. So a function waits no
more often than its longest chain of sums requires. All other sums, such as
gradients by parameters, go into buckets in the order in which they are known,
and are sent while the rest is computed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import numpy as np
import theano
from theano.compile.sharedvalue import SharedVariable
from theano.gof import Apply, Constant, FunctionGraph
from theano.gof.opt import Optimizer
from theano.tensor.elemwise import Elemwise

from .distributed import AllReduce, FinishAllReduce, StartAllReduce
from .fused.adam import AdamStep
from .fused.flips import Flip
from .fused.means import axis_sizes
from .overlap import Dependencies

#: A bucket is sent when it has this many bytes, as in PyTorch's own
#: ``DistributedDataParallel``.
BUCKET_BYTES = 25 * 2**20


class SumTogether(Optimizer):
    """Combine sums over processes into calls that are begun and finished."""

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        order = fgraph.toposort()
        if not any(isinstance(node.op, AllReduce) for node in order):
            return
        dependencies = Dependencies(fgraph, order, AllReduce)
        texts = _descriptions(fgraph.inputs, order)
        replaced: dict[theano.Variable, theano.Variable] = {}
        for nodes in _calls(fgraph, dependencies):
            inputs = [node.inputs[0] for node in nodes]
            started = StartAllReduce(
                nodes[0].op.mean, _digest(_text(x, texts) for x in inputs)
            )(*(replaced.get(x, x) for x in inputs))
            outputs = FinishAllReduce(tuple(x.type for x in inputs))(
                started, return_list=True
            )
            replaced.update(zip((node.outputs[0] for node in nodes), outputs))
        fgraph.replace_all_validate(
            list(replaced.items()), reason='torch_sum_together'
        )


def _calls(
    fgraph: FunctionGraph, dependencies: Dependencies
) -> Iterable[list[Apply]]:
    """The sums, in lists of those that one call computes."""

    def kind(node):
        return node.op.mean, node.inputs[0].dtype

    for _, level in groupby(dependencies.inner, dependencies.level):
        # Sorting keeps the order of equal keys, which all processes share.
        for _, nodes in groupby(sorted(level, key=kind), kind):
            yield list(nodes)
    for _, nodes in groupby(sorted(dependencies.last, key=kind), kind):
        yield from _buckets(fgraph, nodes)


def _buckets(
    fgraph: FunctionGraph, nodes: Iterable[Apply]
) -> Iterable[list[Apply]]:
    bucket, size = [], 0
    for node in nodes:
        bucket.append(node)
        size += _bytes(fgraph, node)
        if size >= BUCKET_BYTES:
            yield bucket
            bucket, size = [], 0
    if bucket:
        yield bucket


def _bytes(fgraph: FunctionGraph, node: Apply) -> int:
    """The size of a sum, or 0 if it is not known before the first call."""
    lengths = fgraph.shape_feature.shape_of[node.inputs[0]] or []
    count = math.prod(map(_known_length, lengths))
    count = count or _size_of_parameter(node.outputs[0])
    return count * np.dtype(node.outputs[0].dtype).itemsize


def _known_length(length: theano.Variable) -> int:
    """The length of an axis, or 0 if it is not known yet."""
    sizes = axis_sizes(length)
    if sizes is None:
        return 0
    return math.prod(
        size if isinstance(size, int) else _shape(size[0])[size[1]]
        for size in sizes
    )


def _size_of_parameter(gradient: theano.Variable) -> int:
    """The size of a shared variable that an optimiser combines with a
    gradient, and which therefore has its shape; 0 if there is none.
    """
    for client, _ in gradient.clients:
        if isinstance(getattr(client, 'op', None), (AdamStep, Elemwise)):
            for variable in client.inputs:
                if variable.owner and isinstance(variable.owner.op, Flip):
                    (variable,) = variable.owner.inputs
                if variable.type == gradient.type:
                    size = math.prod(_shape(variable))
                    if size:
                        return size
    return 0


def _shape(variable: theano.Variable) -> Sequence[int]:
    """The shape of a shared variable's value; zeros for others."""
    value = None
    if isinstance(variable, SharedVariable):
        value = variable.container.storage[0]
    return getattr(value, 'shape', (0,) * variable.ndim)


def _descriptions(
    inputs: Sequence[theano.Variable], order: Sequence[Apply]
) -> Mapping[theano.Variable, str]:
    """A text for each variable that says how it is computed.

    The texts are the same in all processes that have built the same graph.
    They contain no numbers, which may differ: the number of the process is an
    example.
    """
    texts = {
        variable: f'input {i} {variable.type}'
        for i, variable in enumerate(inputs)
    }
    for node in order:
        kinds = [type(node.op), type(getattr(node.op, 'scalar_op', None))]
        parts = [kind.__name__ for kind in kinds]
        parts += [_text(variable, texts) for variable in node.inputs]
        digest = _digest(parts)
        for i, variable in enumerate(node.outputs):
            texts[variable] = f'{digest} {i}'
    return texts


def _text(
    variable: theano.Variable, texts: Mapping[theano.Variable, str]
) -> str:
    if isinstance(variable, Constant):
        return f'constant {variable.type}'
    return texts[variable]


def _digest(parts: Iterable[str]) -> str:
    text = '\n'.join(parts)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
