"""Consecutive elementwise operations as one loop, on the CPU.

A loop may have several results. Where other operations need a result as well,
it is written besides, and nothing has to read it again within the loop. The
cells of recurrent networks profit most: their gradients need all intermediate
results.
"""

from __future__ import annotations

from collections.abc import Iterator

import theano
from theano.gof import Apply, FunctionGraph
from theano.gof.opt import Optimizer
from theano.tensor.elemwise import Elemwise

from ..kernels.loop_code import can_be_part_of_loop
from ..kernels.loops import can_be_loop
from .composites import as_one_operation, count_inputs
from .patterns import FLOATS

# Processors fetch only so many arrays ahead, and have only so many registers.
_MOST_INPUTS = 24
_MOST_OUTPUTS = 12
_MOST_OPERATIONS = 64


class FuseTogether(Optimizer):
    """Fuse elementwise operations with those that need their results."""

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        for parts in _Groups(fgraph).several():
            outputs = _needed_outputs(parts)
            results = as_one_operation(parts, outputs)
            if can_be_loop(results[0].owner) and all(
                new.type == old.type for new, old in zip(results, outputs)
            ):
                fgraph.replace_all_validate(
                    list(zip(outputs, results)), reason='torch_loops'
                )


class _Groups:
    """A partition of the elementwise operations of a graph.

    Each node has a set of groups on which it depends, as the bits of an
    integer. Nodes are added in the order in which they can run.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    """

    def __init__(self, fgraph: FunctionGraph):
        self._members: list[list[Apply]] = []
        self._group: dict[Apply, int] = {}
        self._needs: dict[Apply, int] = {}
        for node in fgraph.toposort():
            self._needs[node] = self._needs_of([node])
            if _is_part(node):
                self._add(node)

    def several(self) -> Iterator[list[Apply]]:
        """The groups of more than one operation."""
        return (parts for parts in self._members if len(parts) > 1)

    def _needs_of(self, nodes):
        """The groups on which nodes depend through others."""
        needs = 0
        for node in nodes:
            for variable in node.inputs:
                owner = variable.owner
                if owner is not None and owner not in nodes:
                    needs |= self._needs[owner]
                    if owner in self._group:
                        needs |= 1 << self._group[owner]
        return needs

    def _add(self, node):
        self._group[node] = len(self._members)
        self._members.append([node])
        for variable in node.inputs:
            owner = variable.owner
            if (
                owner in self._group
                and variable.type == node.outputs[0].type
                and self._group[owner] != self._group[node]
            ):
                self._merge(self._group[owner], self._group[node])

    def _merge(self, first, second):
        """Merge two groups if no other node lies between them."""
        parts = self._members[first] + self._members[second]
        both = 1 << first | 1 << second
        needs = self._needs_of(parts)
        if (
            needs & both
            or len(parts) > _MOST_OPERATIONS
            or count_inputs(parts) > _MOST_INPUTS
            or len(_needed_outputs(parts)) > _MOST_OUTPUTS
        ):
            return
        # Whatever needs one of the groups now needs both.
        for node, own in self._needs.items():
            if own & both:
                self._needs[node] = own | needs | 1 << first
        for node in parts:
            self._group[node], self._needs[node] = first, needs
        self._members[first], self._members[second] = parts, []


def _is_part(node):
    return (
        type(node.op) is Elemwise
        and not node.op.inplace_pattern
        and len(node.outputs) == 1
        and {x.dtype for x in (*node.inputs, *node.outputs)}
        in [{dtype} for dtype in FLOATS]
        and can_be_part_of_loop(node)
    )


def _needed_outputs(parts: list[Apply]) -> list[theano.Variable]:
    """The results that other nodes need, or whoever calls the function."""
    return [
        output
        for part in parts
        for output in part.outputs
        if any(client not in parts for client, _ in output.clients)
    ]
