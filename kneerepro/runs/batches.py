"""Apply functions to many examples, one minibatch after the other."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np


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


def mean_over(
    function: Callable[[Any], Any], images: Any, batch_size: int
) -> float:
    """Average a function, itself a mean over a minibatch, over all images.

    Parameters
    ----------
    function : callable
        Maps an array of shape (m, ...), m <= batch_size, to the mean over its
        m rows.
    images : View or array, shape (n, ...)
    batch_size : int

    Returns
    -------
    float
        All images have the same weight, also those of a smaller last
        minibatch.
    """
    starts = range(0, len(images), batch_size)
    means = [float(function(images[i : i + batch_size])) for i in starts]
    sizes = [min(batch_size, len(images) - i) for i in starts]
    return float(np.average(means, weights=sizes))
