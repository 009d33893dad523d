"""The C++ of elementwise operations: what a loop does to each element, and how
it goes through the elements of several tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import theano
import theano.scalar.basic as scalar
from theano.gof import Apply
from theano.scalar import get_scalar_type
from theano.tensor.subtensor import Subtensor

from .scalar_code import (
    TYPES,
    VECTORISED,
    NotSupportedError,
    ScalarSource,
    c_type,
    scalar_code,
)
from .scalar_tables import CHEAP
from .scalars import is_fused

# What an input is to a loop: a tensor of the result's shape, a vector along
# axis 1, or a number.
TENSOR, VECTOR, NUMBER = 'tensor', 'vector', 'number'

# At least this many elements of a vector that varies fastest are gone through
# in one go, if need be by repeating the vector.
_PERIOD = 512
# A function of our own takes as long as this many simple operations.
_VECTORISED_COST = 4

_ELEMENT = """
static inline __attribute__((always_inline)) void element{i}({parameters}) {{
{code}
}}
"""

# Each part of the work begins with local copies of all that it needs: the
# compiler would have to read members of an object again for each element.
_FUNCTION = """
extern "C" void {name}{i}({parameters}, int64_t outer, int64_t channels,
                          int64_t inner, int threads) {{
{body}
}}
"""

_PLAIN = """
    const int64_t size = outer * channels * inner;
    divide((size + 63) / 64, threads, [=](int64_t begin, int64_t end) {{
        {locals}
        end = least(64 * end, size);
        #pragma omp simd
        for (int64_t i = 64 * begin; i < end; ++i) {element};
    }});
"""

_WITH_VECTORS = """
    if (inner > 1) {{
        divide(outer * channels, threads, [=](int64_t begin, int64_t end) {{
            {locals}
            const int64_t n = channels, count = inner;
            for (int64_t row = begin; row < end; ++row) {{
                const int64_t first = row * count;
                {numbers}
                #pragma omp simd
                for (int64_t i = first; i < first + count; ++i) {element};
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
            for (int64_t j = 0; j < count; ++j) {element_in_period};
        }}
    }});
    free(repeated);
"""

# Rows of the inputs may lie apart from each other, those of the results do
# not. A vector lies along the rows.
_ROWS = """
    divide(outer, threads, [=](int64_t begin, int64_t end) {{
        const int64_t count = channels * inner;
        for (int64_t row = begin; row < end; ++row) {{
            {locals}
            #pragma omp simd
            for (int64_t i = 0; i < count; ++i) {element};
        }}
    }});
"""


@dataclass(frozen=True)
class LoopCode:
    """What a loop does.

    Attributes
    ----------
    element : str
        The code for an element.
    support : tuple of str
        Code that comes before it.
    dtype : str
        The type of all numbers.
    kinds : tuple of str
        What each input is.
    results : int
        The number of results.
    has_rows : bool
        Whether there is a second function, for inputs whose rows lie apart.
    operations : int
        The number of operations on an element.
    cost : int
        The number of simple operations that would take as long.
    """

    element: str
    support: tuple[str, ...]
    dtype: str
    kinds: tuple[str, ...]
    results: int
    has_rows: bool
    operations: int
    cost: int

    @property
    def pointers(self) -> int:
        """The number of tensors."""
        return len(self.kinds) + self.results

    def functions(self, i: int) -> str:
        """The functions ``loop{i}`` and, if there is one, ``rows{i}``.

        They take the addresses of the inputs and results, ``rows{i}`` also
        that of an array with the distance between the rows of each input, and
        then what :func:`kneerepro.engine.threads.threaded_function` says.
        """
        return _Writer(self, i).text()


class _Writer:
    """Writes the functions of a loop."""

    def __init__(self, loop: LoopCode, i: int):
        self._loop, self._i = loop, i
        self._kind = c_type(loop.dtype)
        self._inputs = list(enumerate(loop.kinds))
        self._vectors = [k for k, what in self._inputs if what == VECTOR]

    def text(self) -> str:
        loop, kind = self._loop, self._kind
        parameters = [
            *(f'const {kind} a{k}' for k, _ in self._inputs),
            *(f'{kind} &z{k}' for k in range(loop.results)),
        ]
        pointers = [
            *(f'const {kind} *in{k}' for k, _ in self._inputs),
            *(f'{kind} *out{k}' for k in range(loop.results)),
        ]
        body = self._body_with_vectors() if self._vectors else self._body()
        text = _ELEMENT.format(
            i=self._i, parameters=', '.join(parameters), code=loop.element
        ) + self._function('loop', pointers, body)
        if loop.has_rows:
            text += self._function(
                'rows',
                [*pointers, 'const int64_t *strides'],
                self._body_by_rows(),
            )
        return text

    def _function(self, name, parameters, body):
        return _FUNCTION.format(
            name=name, i=self._i, parameters=', '.join(parameters), body=body
        )

    def _locals(self, in_row=False):
        """Lines that name the inputs and results, or a row of each."""
        lines = [
            f'{self._kind} *const to{k} = out{k}'
            + (' + row * count;' if in_row else ';')
            for k in range(self._loop.results)
        ]
        for k, what in self._inputs:
            if what == NUMBER:
                lines.append(f'const {self._kind} x{k} = *in{k};')
                continue
            apart = (
                f' + row * strides[{k}]' if in_row and what == TENSOR else ''
            )
            lines.append(f'const {self._kind} *const x{k} = in{k}{apart};')
        return ' '.join(lines)

    def _element(self, place, vector='x{k}[i]'):
        """The call for an element at a place in the tensors, with what
        `vector` says for an element of a vector.
        """
        arguments = []
        for k, what in self._inputs:
            if what == VECTOR:
                nth = self._vectors.index(k)
                arguments.append(vector.format(k=k, nth=nth))
            else:
                arguments.append(
                    f'x{k}[{place}]' if what == TENSOR else f'x{k}'
                )
        arguments += [f'to{k}[{place}]' for k in range(self._loop.results)]
        return f'element{self._i}({", ".join(arguments)})'

    def _body(self):
        return _PLAIN.format(locals=self._locals(), element=self._element('i'))

    def _body_with_vectors(self):
        return _WITH_VECTORS.format(
            T=self._kind,
            period=_PERIOD,
            vectors=len(self._vectors),
            locals=self._locals(),
            numbers=' '.join(
                f'const {self._kind} v{k} = x{k}[row % n];'
                for k in self._vectors
            ),
            repetitions=' '.join(
                f'for (int64_t j = 0; j < period; ++j) '
                f'repeated[{nth} * period + j] = in{k}[j % channels];'
                for nth, k in enumerate(self._vectors)
            ),
            element=self._element('i', 'v{k}'),
            element_in_period=self._element('first + j', 'r[{nth} * n + j]'),
        )

    def _body_by_rows(self):
        return _ROWS.format(
            locals=self._locals(in_row=True), element=self._element('i')
        )


def loop_code(node: Apply) -> LoopCode | None:
    """What a loop would do for an elementwise operation that does the work of
    several; None if there is no loop.
    """
    op, output = node.op.scalar_op, node.outputs[0]
    if not is_fused(op) or not can_be_part_of_loop(node):
        return None
    written = _element_of(
        op, tuple(x.dtype for x in node.inputs), len(node.outputs)
    )
    kinds = [_kind(x, output) or '' for x in node.inputs]
    if written is None or TENSOR not in kinds:
        return None
    element, support = written
    return LoopCode(
        element,
        support,
        output.dtype,
        tuple(kinds),
        len(node.outputs),
        _may_have_gaps(node, kinds),
        len(_steps(op)),
        sum(map(_cost, _steps(op))),
    )


def _may_have_gaps(node, kinds):
    """Whether an input may be a part of a tensor, and its rows, along which
    all vectors lie, may be gone through one by one.
    """
    ndim = node.outputs[0].ndim
    if ndim < 2 or (ndim > 2 and VECTOR in kinds):
        return False
    return any(
        kind == TENSOR
        and x.owner is not None
        and isinstance(x.owner.op, Subtensor)
        for x, kind in zip(node.inputs, kinds)
    )


def can_be_part_of_loop(node: Apply) -> bool:
    """Whether a loop can carry out an elementwise operation, alone or with
    others.
    """
    output = node.outputs[0]
    return (
        is_cheap(node.op.scalar_op)
        and not all(output.broadcastable)
        and all(_kind(x, output) for x in node.inputs)
    )


def is_cheap(op: scalar.ScalarOp) -> bool:
    """Whether the processor computes an operation for several elements at a
    time.
    """
    return all(map(_cost, _steps(op)))


def library_source(loops: Sequence[LoopCode]) -> str:
    """The code of several loops; the number of a function is its loop's place
    in the list.
    """
    support = dict.fromkeys(code for loop in loops for code in loop.support)
    return '\n'.join(
        [TYPES, *support, *(loop.functions(i) for i, loop in enumerate(loops))]
    )


def _steps(op):
    if isinstance(op, scalar.Composite):
        return [inner.op for inner in op.fgraph.apply_nodes]
    return [op]


def _cost(op):
    """How many simple operations a scalar Op is like; 0 if it is too slow."""
    if isinstance(op, VECTORISED):
        return _VECTORISED_COST
    if isinstance(op, CHEAP):
        return 1
    return 2 * (is_fused(op) and not isinstance(op, scalar.Composite))


def _kind(x: theano.Variable, output: theano.Variable) -> str | None:
    if x.broadcastable == output.broadcastable:
        return TENSOR
    if all(x.broadcastable):
        return NUMBER
    varying = [axis for axis, one in enumerate(x.broadcastable) if not one]
    return VECTOR if varying == [1] else None


@functools.lru_cache(maxsize=1024)
def _element_of(op, dtypes, results):
    """The code of an element, and what comes before it; None if there is none,
    or if the numbers are not all of float32 or all of float64.
    """
    node = op.make_node(*(get_scalar_type(dtype)() for dtype in dtypes))
    inner = op.fgraph.variables if isinstance(op, scalar.Composite) else ()
    types = {x.dtype for x in (*node.inputs, *node.outputs, *inner)}
    if types not in ({'float32'}, {'float64'}):
        return None
    source = ScalarSource()
    try:
        code = scalar_code(
            source,
            op,
            dtypes,
            [node.outputs[0].dtype] * results,
            [f'a{k}' for k in range(len(dtypes))],
            [f'z{k}' for k in range(results)],
        )
    except NotSupportedError:
        return None
    return code, tuple(source.support)
