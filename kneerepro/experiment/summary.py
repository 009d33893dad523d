"""How well a network has learned, in two lines at the end of a training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.runs.losses import last_value


def lines_of(run: Run, results: dict[str, np.ndarray]) -> list[str]:
    """Summarise the results of a finished run.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array
        From :meth:`kneerepro.runs.Run.results`. Runs of earlier versions lack
        some of the measures.

    Returns
    -------
    list of str
        Of an autoencoder, the test error beside that of the mean of the
        training set, and how many test examples are identified. Of a GAN, how
        varied its images or volumes are, and its losses.
    """
    of_kind = (
        _of_autoencoder if EXPERIMENTS[run.experiment].autoencoder else _of_gan
    )
    return list(of_kind(EXPERIMENTS[run.experiment], results))


def _of_autoencoder(spec, results) -> Iterator[str]:
    line = f'test error: {last_value(results["test_loss"]):.4g}'
    if 'mean_mse' in results:
        mean = float(results['mean_mse'])
        line += f'; that of the mean of the training set: {mean:.4g}'
    yield line
    if 'identified' in results:
        found = results['identified']
        yield (
            f'identified by their reconstructions: {int(found.sum())} of '
            f'{len(found)} test {spec.unit}'
        )


def _of_gan(spec, results) -> Iterator[str]:
    if 'image_spread' in results:
        spread = last_value(results['image_spread'])
        yield (
            f'variety of the generated {spec.unit}: {spread:.2g} '
            '(real ones: 1)'
        )
    losses = ', '.join(
        f'{name} {last_value(results[f"{name}_loss"]):.4g}'
        for name in spec.losses
    )
    yield f'losses at the end: {losses}'
