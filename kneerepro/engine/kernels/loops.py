"""Consecutive elementwise operations in C++, on the CPU.

A loop reads and writes memory once, where several operations of PyTorch's
would do so several times. On small tensors, one call takes less time than
several.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
from theano.gof import Apply, FunctionGraph

from ..layout import contiguous_strides, dense_sizes, in_one_order
from ..threads import (
    load_threaded,
    start_threaded,
    threaded_function,
    threads_for,
)
from .loop_code import (
    TENSOR,
    VECTOR,
    LoopCode,
    library_source,
    loop_code,
)

#: The loops of a graph are compiled for tensors of at least this many numbers,
#: or if they have :data:`MANY` operations. Otherwise PyTorch's operations take
#: less time than a compiler would ever save.
MIN_ELEMENTS = 2**10
MANY = 48

# Another thread is worth waking for fewer elements if there is much to do for
# each of them.
_LOW_COST = 4
# Rows of fewer elements than this are not gone through one by one.
_SHORTEST_ROW = 16
_MAX_STRIDES = 64
# With fewer loops than this, another library is not worth a compiler's start.
_FEWEST_LOOPS = 4

# The compiled loops, by their code: each has one or two functions.
_LOOPS: dict[LoopCode, list[Callable] | None] = {}
# The loops of each graph, which are compiled together.
_OF_GRAPH: WeakKeyDictionary[FunctionGraph, list[LoopCode]] = (
    WeakKeyDictionary()
)


def can_be_loop(node: Apply) -> bool:
    """Whether a loop can carry out an elementwise operation, which has to do
    the work of several: a :class:`theano.scalar.Composite` or another fused
    scalar Op.
    """
    return loop_code(node) is not None


def loop(node: Apply, fallback: Callable) -> Loop | None:
    """The loop that carries out an elementwise operation; None if there is
    none.

    Parameters
    ----------
    node : theano.gof.Apply
    fallback : callable
        Does the same with PyTorch's operations.
    """
    code = loop_code(node)
    if code is None:
        return None
    graph = _OF_GRAPH.setdefault(node.fgraph, [])
    graph.append(code)
    return Loop(code, graph, fallback)


class Loop:
    """Elementwise operations that are compiled when they first meet a tensor
    for which that is worth while.

    Parameters
    ----------
    code : LoopCode
    graph : list of LoopCode
        Those of all loops of the same graph.
    fallback : callable
        What carries out the operations if they are not compiled.
    """

    #: See :class:`kneerepro.engine.dispatch.Kernel`.
    takes_places = True

    def __init__(
        self, code: LoopCode, graph: list[LoopCode], fallback: Callable
    ):
        #: See :func:`kneerepro.engine.dispatch.takes_out`.
        self.takes_out = code.results == 1
        self._code, self._graph, self._fallback = code, graph, fallback
        self._fallback_takes_out = getattr(fallback, 'takes_out', False)
        self._whole = [
            k for k, kind in enumerate(code.kinds) if kind == TENSOR
        ]
        self._first = self._whole[0]
        self._has_vectors = VECTOR in code.kinds
        self._weight = max(1, code.cost // _LOW_COST)
        self._functions: list[Callable] | None = None
        # Arrays of strides, for calls in C.
        self._strides: dict[tuple[int, ...], ctypes.Array] = {}

    def __call__(
        self,
        *tensors: torch.Tensor,
        out: torch.Tensor | tuple[torch.Tensor | None, ...] | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The result, or a tuple of results.

        Parameters
        ----------
        *tensors : tensor
            All of one type.
        out : tensor or tuple, optional
            Where to write the result, which may be one of the inputs; or a
            tuple with a tensor or None for each of several results. What does
            not fit is left as it is.
        """
        first = tensors[self._first]
        count, functions = first.numel(), None
        # Nothing but the size may decide, so that a program that goes on from
        # a saved state gives the same results to the bit.
        if count >= MIN_ELEMENTS or (count and self._is_one_of_many):
            functions = self._functions or self._compiled()
        if functions is None:
            return self._fall_back(tensors, out)
        if not all(tensor.is_contiguous() for tensor in tensors):
            if len(functions) > 1:
                strides = self._row_strides(tensors)
                if strides is not None:
                    return self._by_rows(functions[1], tensors, strides, out)
            tensors, sizes = self._arranged(tensors)
            if sizes is None:
                return self._fall_back(tensors, out)
            first = tensors[self._first]
        elif self._has_vectors:
            sizes = dense_sizes([first])
        else:
            sizes = count, 1, 1
        results = self._memory(out, first.shape, first.stride(), first.dtype)
        self._run(functions[0], tensors, results, (), sizes)
        return self._returned(results)

    @functools.cached_property
    def _is_one_of_many(self):
        """Whether the loops of the graph are worth a compiler together."""
        return sum(code.operations for code in self._graph) >= MANY

    def _compiled(self):
        """The compiled functions; None if there are none."""
        if self._code not in _LOOPS:
            missing = dict.fromkeys(self._graph)
            _compile([code for code in missing if code not in _LOOPS])
        self._functions = _LOOPS[self._code]
        return self._functions

    def _run(self, function, tensors, results, more, sizes):
        function(
            *(tensor.data_ptr() for tensor in tensors),
            *(result.data_ptr() for result in results),
            *more,
            *sizes,
            threads_for(results[0].numel() * self._weight),
        )

    def _memory(self, out, shape, strides, dtype):
        """The memory of the results: `out` where it fits, or else new."""
        count = self._code.results
        places = (out,) * count if count == 1 or out is None else out
        return [
            torch.empty_strided(shape, strides, dtype=dtype)
            if place is None
            or place.stride() != strides
            or place.shape != shape
            else place
            for place in places
        ]

    def _returned(self, results):
        return results[0] if self.takes_out else tuple(results)

    def _fall_back(self, tensors, out):
        # PyTorch would change the shape of a tensor that does not fit.
        if self._fallback_takes_out and any(out is x for x in tensors):
            return self._fallback(*tensors, out=out)
        return self._fallback(*tensors)

    def _row_strides(self, tensors):
        """The distances between the rows of each input, or None if there are
        no rows that are in one piece and long enough.
        """
        shape = tensors[self._first].shape
        if tensors[self._first].numel() < _SHORTEST_ROW * shape[0]:
            return None
        strides = [tensor.stride() for tensor in tensors]
        inside = contiguous_strides(shape[1:])
        for k, kind in enumerate(self._code.kinds):
            if kind == TENSOR:
                fits = strides[k][1:] == inside and tensors[k].shape == shape
            else:
                fits = tensors[k].is_contiguous()
            if not fits:
                return None
        return tuple(stride[0] if stride else 0 for stride in strides)

    def _by_rows(self, function, tensors, strides, out):
        shape = tensors[self._first].shape
        results = self._memory(
            out, shape, contiguous_strides(shape), tensors[0].dtype
        )
        array = self._strides.get(strides)
        if array is None:
            if len(self._strides) >= _MAX_STRIDES:
                self._strides.clear()
            array = (ctypes.c_int64 * len(strides))(*strides)
            self._strides[strides] = array
        sizes = shape[0], shape[1:].numel(), 1
        address = ctypes.addressof(array)
        self._run(function, tensors, results, [address], sizes)
        return self._returned(results)

    def _arranged(self, tensors):
        """The inputs in one order in memory, with their sizes; None as the
        sizes if the fallback takes them as they are, in one pass.
        """
        whole = [tensors[k] for k in self._whole]
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
            next(places) if kind == TENSOR else tensor.contiguous()
            for tensor, kind in zip(tensors, self._code.kinds)
        ], sizes


def _compile(loops: Sequence[LoopCode]) -> None:
    """Compile loops into libraries, as many at a time as there are threads."""
    count = max(1, min(torch.get_num_threads(), len(loops) // _FEWEST_LOOPS))
    parts = [loops[k::count] for k in range(count)]
    sources = [library_source(part) for part in parts]
    for source in sources[1:]:
        start_threaded(source)
    for part, source in zip(parts, sources):
        library = load_threaded(source)
        for i, code in enumerate(part):
            _LOOPS[code] = (
                None if library is None else _functions(library, i, code)
            )


def _functions(library, i, code):
    functions = [threaded_function(library, f'loop{i}', code.pointers)]
    if code.has_rows:
        functions.append(
            threaded_function(library, f'rows{i}', code.pointers + 1)
        )
    return functions
