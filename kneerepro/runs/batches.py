"""Apply functions to many examples, one minibatch after the other."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from kneerepro.data.views import View
from kneerepro.runs import ranks


def outputs_over(
    function: Callable[[Any], np.ndarray], images: Any, batch_size: int
) -> np.ndarray:
    """Apply a function to all images.

    Parameters
    ----------
    function : callable
        Maps an array of shape (m, ...), m <= batch_size, to one with m rows.
    images : View or array, shape (n, ...)
    batch_size : int

    Returns
    -------
    array, shape (n, ...)
    """
    return np.concatenate(
        [
            function(images[i : i + batch_size])
            for i in range(0, len(images), batch_size)
        ]
    )


def outputs_over_shares(
    function: Callable[[Any], np.ndarray], images: Any, batch_size: int
) -> np.ndarray:
    """As :func:`outputs_over`, but each process takes a share of the images.

    Parameters
    ----------
    function : callable
        Computed by each process alone.
    images, batch_size
        As for :func:`outputs_over`.

    Returns
    -------
    array, shape (n, ...)
        The same in all processes, which have to call this together.
    """
    rows = ranks.own_rows(len(images))
    share = images.take(rows) if isinstance(images, View) else images[rows]
    if not len(share):
        return ranks.all_rows(np.empty(0))
    return ranks.all_rows(outputs_over(function, share, batch_size))


def own_parts(examples: Any) -> Any:
    """Read only those rows of a minibatch that this process computes with.

    Parameters
    ----------
    examples : View, or anything that can be sliced like an array

    Returns
    -------
    object
        Anything but a view, and anything with one process, is returned as it
        is. A view becomes an object whose minibatches are as large as before:
        functions that divide them (``kneerepro.engine.partition``) expect
        this. The rows of the other processes are NaN.
    """
    if ranks.size() == 1 or not isinstance(examples, View):
        return examples
    return _OwnParts(examples)


class _OwnParts:
    """See :func:`own_parts`."""

    def __init__(self, examples: View):
        self._examples = examples
        self.shape = examples.shape

    def __len__(self):
        return len(self._examples)

    def __getitem__(self, index: Any) -> np.ndarray:
        chosen = np.arange(len(self))[index]
        own = ranks.own_rows(len(chosen))
        batch = np.full((len(chosen), *self.shape[1:]), np.nan, 'float32')
        batch[own] = self._examples[chosen[own]]
        return batch


def mean_over(
    function: Callable[[Any], Any], images: Any, batch_size: int
) -> float:
    """Average a function, itself a mean over a minibatch, over all images.

    Parameters
    ----------
    function : callable
        Maps an array of shape (m, ...), m <= batch_size, to the mean over its
        m rows. With several processes, it divides them.
    images : View or array, shape (n, ...)
    batch_size : int

    Returns
    -------
    float
        All images have the same weight, also those of a smaller last
        minibatch.
    """
    images = own_parts(images)
    starts = range(0, len(images), batch_size)
    means = [float(function(images[i : i + batch_size])) for i in starts]
    sizes = [min(batch_size, len(images) - i) for i in starts]
    return float(np.average(means, weights=sizes))
