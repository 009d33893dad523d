"""What a run keeps of the volumes that a GAN generates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kneerepro.experiment import browser
from kneerepro.figures.planes import middle_planes

if TYPE_CHECKING:
    from kneerepro.experiment.session import Experiment
    from kneerepro.runs.training import Training

# Volumes in a figure, and as many tiles of a sample: as Figures 3.6 and 3.8.
_ROWS, _COLUMNS = 3, 3
_SHOWN = _ROWS * _COLUMNS
# Volumes that the report's browser shows.
_BROWSED_GENERATED, _BROWSED_REAL = 3, 2


class GeneratedVolumes:
    """Volumes that are generated from the same noise each time, so that
    differences come from the training.

    Parameters
    ----------
    experiment : Experiment
        Of a GAN of volumes.
    generate : callable
        Maps noise of shape ``(n, nz)`` to volumes of shape ``(n, 1, depth,
        rows, columns)``.
    """

    def __init__(
        self,
        experiment: Experiment,
        generate: Callable[[np.ndarray], np.ndarray],
    ):
        self._experiment, self._generate = experiment, generate
        rng = np.random.RandomState(experiment.parameters['seed'])
        size = (_SHOWN, experiment.parameters['nz'])
        self._noise = rng.normal(size=size).astype('float32')

    def keep(self, training: Training, shown: bool, sampled: bool) -> None:
        """Keep what the generator makes now.

        Parameters
        ----------
        training : Training
        shown : bool
            Whether a figure shows it. Then the epoch is recorded as
            ``shown_epochs`` and the planes of the volumes as
            ``over_time_sagittal`` and so on.
        sampled : bool
            Whether to save its sagittal planes as a sample.
        """
        if not (shown or sampled):
            return
        planes = middle_planes(self._generate(self._noise)[:, 0])
        if shown:
            over_time = {f'over_time_{name}': planes[name] for name in planes}
            training.record(shown_epochs=training.epoch, **over_time)
        if sampled:
            tiles = planes['sagittal']
            self._experiment.save_sample(
                training, tiles.reshape(_ROWS, _COLUMNS, *tiles.shape[1:])
            )

    def results(self) -> dict[str, np.ndarray]:
        """Return what figures and report show after the training.

        Returns
        -------
        dict of str to array
            ``real_sagittal``, ``generated_sagittal`` and so on
                From :func:`kneerepro.figures.planes.middle_planes`.
            ``browsed_real``, ``browsed_generated`` : float16, shape \
(m, depth, rows, columns)
                A few of the volumes, which the report's browser shows.
        """
        real = self._experiment.sample_training(_SHOWN)[:, 0]
        generated = self._generate(self._noise)[:, 0]
        fitting = browser.how_many(real[0].size)
        browsed = generated[: min(fitting, _BROWSED_GENERATED)]
        beside = real[: min(fitting - len(browsed), _BROWSED_REAL)]
        return {
            **middle_planes(real, 'real_'),
            **middle_planes(generated, 'generated_'),
            'browsed_generated': browsed.astype('float16'),
            'browsed_real': beside.astype('float16'),
        }
