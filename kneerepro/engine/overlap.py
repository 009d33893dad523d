"""The order of a graph's nodes, if it sums over processes.

A sum is begun as soon as what is summed has been computed, and waited for as
late as possible. In between, the process computes something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from theano.gof import Apply, FunctionGraph

from .distributed import FinishAllReduce, StartAllReduce


class Dependencies:
    """Which nodes of a graph depend on which.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
        Its nodes, in an order in which they can run.
    kind : type
        A class of Ops that sum over processes.

    Attributes
    ----------
    inner : list of Apply
        The nodes of this class whose results others of them need.
    last : list of Apply
        The other nodes of this class.

    Notes
    -----
    Both lists are in the order in which the sums can begin, see
    :meth:`readiness`. It depends on the graph alone, so it is the same in all
    processes.
    """

    def __init__(
        self, fgraph: FunctionGraph, order: Sequence[Apply], kind: type
    ):
        self._order = order
        self._position = {node: i for i, node in enumerate(order)}
        # For each node, a number whose bits say which nodes it needs, and how
        # many sums it has to wait for one after the other.
        self._needed: list[int] = []
        self._levels: list[int] = []
        orderings = fgraph.orderings()
        for i, node in enumerate(order):
            needed, level = 1 << i, 0
            for k in self._before(node, orderings):
                needed |= self._needed[k]
                is_sum = isinstance(order[k].op, kind)
                level = max(level, self._levels[k] + is_sum)
            self._needed.append(needed)
            self._levels.append(level)
        sums = sorted(
            (node for node in order if isinstance(node.op, kind)),
            key=self.readiness,
        )
        needed = 0
        for node in sums:
            needed |= self.needs(node) & ~(1 << self._position[node])
        self.inner = [x for x in sums if needed >> self._position[x] & 1]
        self.last = [x for x in sums if x not in self.inner]

    def _before(self, node, orderings):
        """The positions of the nodes that have to run before a node."""
        nodes = [x.owner for x in node.inputs if x.owner is not None]
        nodes += orderings.get(node, [])
        return [self._position[before] for before in nodes]

    def needs(self, node: Apply) -> int:
        """The nodes that a node needs, and itself, as bits of a number."""
        return self._needed[self._position[node]]

    def level(self, node: Apply) -> int:
        """How many sums a node has to wait for, one after the other."""
        return self._levels[self._position[node]]

    def readiness(self, node: Apply) -> tuple[int, int, int]:
        """A key that sorts nodes by when they can run: by level, then by how
        many nodes they need.

        The gradients by the last layers, which are known first, come first.
        """
        count = bin(self.needs(node)).count('1')
        return self.level(node), count, self._position[node]

    def missing(self, needed: int, done: int) -> list[Apply]:
        """The nodes that are needed and not done yet.

        Those that wait for no sum come first.
        """
        nodes = [
            node
            for i, node in enumerate(self._order)
            if (needed & ~done) >> i & 1
        ]
        waits = 0
        for node in nodes:
            if isinstance(node.op, FinishAllReduce):
                waits |= 1 << self._position[node]
        early = [node for node in nodes if not self.needs(node) & waits]
        return early + [node for node in nodes if self.needs(node) & waits]


def overlapped(fgraph: FunctionGraph, order: list[Apply]) -> list[Apply]:
    """Reorder the nodes of a graph so that computing and sending overlap.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    order : list of Apply
        An order in which the nodes can run.

    Returns
    -------
    list of Apply
        Another one. It is `order` itself if nothing is summed over processes.
        All processes that have the same graph get the same order.
    """
    if not any(isinstance(node.op, StartAllReduce) for node in order):
        return order
    dependencies = Dependencies(fgraph, order, StartAllReduce)
    # While a sum that others need is computed, there is time for what other
    # sums of its level need, such as the gradients by filters.
    targets = [(node, False) for node in dependencies.inner]
    for start in dependencies.last:
        parts = [x.owner for x in start.inputs if x.owner is not None]
        targets += [(node, True) for node in [*parts, start]]
    targets.sort(
        key=lambda target: (
            dependencies.level(target[0]),
            target[1],
            dependencies.readiness(target[0]),
        )
    )
    result: list[Apply] = []
    done = 0
    for needed in [
        *(dependencies.needs(node) for node, _ in targets),
        (1 << len(order)) - 1,
    ]:
        result += dependencies.missing(needed, done)
        done |= needed
    return result
