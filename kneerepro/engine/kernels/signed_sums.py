"""Sums of tensors with signs, which the transforms of minimal filtering are.

A term is a pair of a sign, 1 or -1, and a tensor. Terms are added in their
order, those with a positive sign first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def every(dim: int, place: int, step: int, count: int) -> tuple[slice, ...]:
    """The index of `count` elements of a dimension, `step` apart, beginning
    with the one at `place`.
    """
    elements = slice(place, place + step * (count - 1) + 1, step)
    return (slice(None),) * dim + (elements,)


def write_sum(
    terms: Sequence[tuple[int, torch.Tensor]], target: torch.Tensor
) -> None:
    """Write a sum of terms, at least one of which is positive."""
    (_, first), *terms = _positive_first(terms)
    if not terms:
        target.copy_(first)
        return
    (sign, second), *terms = terms
    torch.add(first, second, alpha=sign, out=target)
    add_sum(terms, target)


def add_sum(
    terms: Sequence[tuple[int, torch.Tensor]], target: torch.Tensor
) -> None:
    """Add a sum of terms to a tensor, in place."""
    for sign, value in _positive_first(terms):
        target.add_(value, alpha=sign)


def _positive_first(terms):
    return sorted(terms, key=lambda term: -term[0])


def neighbour_sums(
    stack: torch.Tensor,
    dim: int,
    step: int,
    count: int,
    terms: list[list[list[tuple[int, int]]]],
) -> torch.Tensor:
    """Sums of neighbours along a dimension, for each tile.

    Parameters
    ----------
    stack : tensor, shape (points, ..., phases, channels)
    dim : int
        The dimension of the tiles.
    step, count : int
        The distance between tiles, and their number.
    terms : list
        For each new point and each new phase, the place and the sign of the
        neighbours to add.

    Returns
    -------
    tensor, shape (points * new points, ..., phases * new phases, channels)
    """
    shape = list(stack.shape)
    shape[dim] = count
    result = stack.new_empty(
        (shape[0], len(terms), *shape[1:-1], len(terms[0]), shape[-1])
    )
    for i, row in enumerate(terms):
        for j, places in enumerate(row):
            write_sum(
                [
                    (sign, stack[every(dim, place, step, count)])
                    for place, sign in places
                ],
                result[:, i, ..., j, :],
            )
    return result.flatten(0, 1).flatten(-3, -2)
