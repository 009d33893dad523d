"""Regions of a graph: the branches of ``ifelse`` in which its nodes run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Optional

import theano
from theano.gof import Apply
from theano.ifelse import IfElse

#: The node of an ``ifelse`` with the number of one of its branches, 0 or 1; or
#: None outside of all branches.
Region = Optional[tuple[Apply, int]]


def regions_of(
    order: Sequence[Apply], outputs: Iterable[theano.Variable]
) -> dict[Apply, Region]:
    """The region in which each node runs.

    A node runs in a branch of an ``ifelse`` if only this branch needs its
    results. If several branches need them, it runs in the innermost region
    around all of these.

    Parameters
    ----------
    order : list of Apply
        The nodes, in an order in which they can run.
    outputs : iterable of Variable
        The outputs of the graph.
    """
    regions: dict[Apply, Region] = {}
    users = defaultdict(list)
    for node in order:
        for i, variable in enumerate(node.inputs):
            users[variable].append((node, i))
    outputs = set(outputs)
    for node in reversed(order):
        common = None
        for variable in node.outputs:
            places = [
                _region_of_use(user, i, regions) for user, i in users[variable]
            ]
            if variable in outputs:
                places.append(None)
            for place in places:
                steps = _path(place, regions)
                common = (
                    steps
                    if common is None
                    else [a for a, b in zip(common, steps) if a == b]
                )
        regions[node] = common[-1] if common else None
    return regions


def _path(region: Region, regions: dict[Apply, Region]) -> list[Region]:
    """The regions around a region, from the outermost to itself."""
    steps = [region]
    while region is not None:
        region = regions[region[0]]
        steps.append(region)
    return steps[::-1]


def _region_of_use(
    user: Apply, i: int, regions: dict[Apply, Region]
) -> Region:
    """The region in which a node needs its input number `i`."""
    if isinstance(user.op, IfElse) and i > 0:  # input 0 is the condition
        return user, int(i > user.op.n_outs)
    return regions[user]
