"""Consecutive elementwise operations in C++, on the CPU.

A loop reads and writes memory once, where several operations of PyTorch's
would do so several times. On small tensors, one call takes less time than
several.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from weakref import WeakKeyDictionary

import theano.scalar.basic as scalar
import torch
from theano.gof import Apply, FunctionGraph

from ..layout import dense_sizes, in_one_order
from ..threads import load_threaded, threaded_function, threads_for
from .jit import code_of
from .scalar_tables import CHEAP
from .scalars import is_fused

#: The loops of a graph are compiled for tensors of at least this many numbers,
#: or if there are :data:`MANY` of them. Otherwise PyTorch's operations take
#: less time than a compiler would ever save.
MIN_ELEMENTS = 2**10
MANY = 16

# What an input is to a loop: a tensor of the result's shape, a vector along
# axis 1, or a number.
_TENSOR, _VECTOR, _NUMBER = 'tensor', 'vector', 'number'

# At least this many elements of a vector that varies fastest are gone through
# in one go, if need be by repeating the vector.
_PERIOD = 512

# Each part of the work begins with local copies of all that it needs: the
# compiler would have to read members of an object again for each element.
_LOOP = """
namespace n{i} {{
{code}
}}
extern "C" void loop{i}({pointers}, {T} *out, int64_t outer,
                        int64_t channels, int64_t inner, int threads) {{
{body}
}}
"""

_PLAIN = """
    const int64_t size = outer * channels * inner;
    divide((size + 63) / 64, threads, [=](int64_t begin, int64_t end) {{
        {locals}
        end = least(64 * end, size);
        #pragma omp simd
        for (int64_t i = 64 * begin; i < end; ++i) to[i] = {value};
    }});
"""

_WITH_VECTORS = """
    if (inner > 1) {{
        divide(outer * channels, threads, [=](int64_t begin, int64_t end) {{
            {locals}
            const int64_t n = channels, count = inner;
            for (int64_t row = begin; row < end; ++row) {{
                const int64_t first = row * count;
                {elements}
                #pragma omp simd
                for (int64_t i = first; i < first + count; ++i)
                    to[i] = {value};
            }}
        }});
        return;
    }}
    const int64_t period = (({period} - 1) / channels + 1) * channels;
    const int64_t size = outer * channels;
    {T} *repeated = ({T} *) malloc({vectors} * period * sizeof({T}));
    {repetitions}
    divide((size + period - 1) / period, threads,
           [=](int64_t begin, int64_t end) {{
        {locals}
        const {T} *const r = repeated;
        const int64_t n = period, last = size;
        for (int64_t first = begin * n; first < least(end * n, last);
             first += n) {{
            const int64_t count = least(n, last - first);
            #pragma omp simd
            for (int64_t j = 0; j < count; ++j)
                to[first + j] = {value_in_period};
        }}
    }});
    free(repeated);
"""

_C_TYPES = {'float32': 'float', 'float64': 'double'}

# The compiled loops, by their code.
_LOOPS: dict[tuple, Callable | None] = {}
# The loops of each graph, which are compiled together.
_OF_GRAPH: WeakKeyDictionary[FunctionGraph, list[tuple]] = WeakKeyDictionary()


def can_be_loop(node: Apply) -> bool:
    """Whether a loop can carry out an elementwise operation, which has to do
    the work of several: a :class:`theano.scalar.Composite` or another fused
    scalar Op.
    """
    return _loop_of(node) is not None


def loop(node: Apply, fallback: Callable) -> Loop | None:
    """The loop that carries out an elementwise operation; None if there is
    none.

    Parameters
    ----------
    node : theano.gof.Apply
    fallback : callable
        Does the same with PyTorch's operations.
    """
    written = _loop_of(node)
    if written is None:
        return None
    graph = _OF_GRAPH.setdefault(node.fgraph, [])
    graph.append(written)
    return Loop(written, graph, fallback)


class Loop:
    """An elementwise operation that is compiled when it first meets a tensor
    for which that is worth while.

    Parameters
    ----------
    written : tuple of (str, str, tuple of str)
        The code for an element, the type of all numbers, and what each input
        is.
    graph : list
        What was written for all nodes of the same graph.
    fallback : callable
        What carries out the operation if it is not compiled.
    """

    #: As :func:`kneerepro.engine.dispatch.takes_out` marks functions.
    takes_out = True

    def __init__(self, written: tuple, graph: list, fallback: Callable):
        self._written, self._graph = written, graph
        self._fallback = fallback
        self._fallback_takes_out = getattr(fallback, 'takes_out', False)
        self._kinds = written[2]
        self._first = self._kinds.index(_TENSOR)
        self._has_vectors = _VECTOR in self._kinds
        self._run: Callable | None = None

    def __call__(
        self, *tensors: torch.Tensor, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The result.

        Parameters
        ----------
        *tensors : tensor
            All of one type.
        out : tensor, optional
            Where to write the result; it may be one of the inputs.
        """
        first = tensors[self._first]
        count, run = first.numel(), None
        # Nothing but the size may decide, so that a program that goes on from
        # a saved state gives the same results to the bit.
        if count >= MIN_ELEMENTS or (count and len(self._graph) >= MANY):
            run = self._run or self._compiled()
        if run is not None:
            if not all(tensor.is_contiguous() for tensor in tensors):
                tensors, sizes = self._arranged(tensors)
                first = tensors[self._first]
            elif self._has_vectors:
                sizes = dense_sizes([first])
            else:
                sizes = count, 1, 1
        if run is None or sizes is None:
            if self._fallback_takes_out:
                return self._fallback(*tensors, out=out)
            return self._fallback(*tensors)
        if out is None or out.stride() != first.stride():
            out = torch.empty_like(first)
        run(
            *(tensor.data_ptr() for tensor in tensors),
            out.data_ptr(),
            *sizes,
            threads_for(count),
        )
        return out

    def _compiled(self):
        """The compiled loop; None if there is none."""
        if self._written not in _LOOPS:
            missing = dict.fromkeys(self._graph)
            _compile([loop for loop in missing if loop not in _LOOPS])
        self._run = _LOOPS[self._written]
        return self._run

    def _arranged(self, tensors):
        """The inputs in one order in memory, with their sizes; None as the
        sizes if the fallback takes them as they are, in one pass.
        """
        whole = [x for x, kind in zip(tensors, self._kinds) if kind == _TENSOR]
        sizes = dense_sizes(whole)
        if sizes is None and self._fallback_takes_out:
            return tensors, None
        if sizes is None:
            whole = in_one_order(whole)
            sizes = dense_sizes(whole)
        if sizes is None:
            whole = [x.contiguous() for x in whole]
            sizes = dense_sizes(whole)
        places = iter(whole)
        return [
            next(places) if kind == _TENSOR else tensor.contiguous()
            for tensor, kind in zip(tensors, self._kinds)
        ], sizes


@functools.lru_cache(maxsize=1024)
def _code_of(op, dtypes):
    return code_of(op, dtypes)


def _loop_of(node):
    """The arguments of `_source` for a node; None if there is no loop."""
    op = node.op.scalar_op
    if (
        not is_fused(op)
        or not is_cheap(op)
        or all(node.outputs[0].broadcastable)
    ):
        return None
    kinds = tuple(_kind(x, node.outputs[0]) for x in node.inputs)
    if None in kinds or _TENSOR not in kinds:
        return None
    dtypes = tuple(x.dtype for x in node.inputs)
    code = _code_of(op, dtypes)
    return None if code is None else (code, dtypes[0], kinds)


def is_cheap(op: scalar.ScalarOp) -> bool:
    """Whether the processor computes an operation for several elements at a
    time.
    """
    steps = [op]
    if isinstance(op, scalar.Composite):
        steps = [inner.op for inner in op.fgraph.apply_nodes]
    return all(
        isinstance(step, CHEAP)
        or (is_fused(step) and not isinstance(step, scalar.Composite))
        for step in steps
    )


def _kind(x, output):
    if x.broadcastable == output.broadcastable:
        return _TENSOR
    if all(x.broadcastable):
        return _NUMBER
    varying = [axis for axis, one in enumerate(x.broadcastable) if not one]
    return _VECTOR if varying == [1] else None


def _compile(loops):
    source = [_source(i, *loop) for i, loop in enumerate(loops)]
    library = load_threaded('\n'.join(source))
    for i, written in enumerate(loops):
        function = None
        if library is not None:
            function = threaded_function(
                library, f'loop{i}', len(written[2]) + 1
            )
        _LOOPS[written] = function


def _source(i, code, dtype, kinds):
    """The C++ of a loop."""
    kind = _C_TYPES[dtype]
    vectors = [k for k, what in enumerate(kinds) if what == _VECTOR]
    local = [f'{kind} *const to = out;']
    for k, what in enumerate(kinds):
        if what == _NUMBER:
            local.append(f'const {kind} x{k} = *in{k};')
        else:
            local.append(f'const {kind} *const x{k} = in{k};')

    def argument(k, place, vector):
        if kinds[k] == _VECTOR:
            return vector.format(k=k, nth=vectors.index(k))
        return f'x{k}[{place}]' if kinds[k] == _TENSOR else f'x{k}'

    def value(place, vector=''):
        arguments = [argument(k, place, vector) for k in range(len(kinds))]
        return f'n{i}::fused<{kind}>({", ".join(arguments)})'

    parts = {'T': kind, 'locals': ' '.join(local)}
    if vectors:
        body = _WITH_VECTORS.format(
            period=_PERIOD,
            vectors=len(vectors),
            elements=' '.join(
                f'const {kind} v{k} = x{k}[row % n];' for k in vectors
            ),
            repetitions=' '.join(
                f'for (int64_t j = 0; j < period; ++j) '
                f'repeated[{nth} * period + j] = '
                f'in{k}[j % channels];'
                for nth, k in enumerate(vectors)
            ),
            value=value('i', 'v{k}'),
            value_in_period=value('first + j', 'r[{nth} * n + j]'),
            **parts,
        )
    else:
        body = _PLAIN.format(value=value('i'), **parts)
    pointers = ', '.join(f'const {kind} *in{k}' for k in range(len(kinds)))
    return _LOOP.format(i=i, code=code, T=kind, body=body, pointers=pointers)
