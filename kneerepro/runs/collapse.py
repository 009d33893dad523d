"""Collapsed networks, whose output does not depend on their input.

An autoencoder whose code no longer depends on the image can reconstruct only
the mean image. A generator whose images no longer depend on the noise makes
only one image. Loss curves show neither: they fall and level off as usual.
Each training therefore measures once per epoch how much the outputs vary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.losses import last_value


@dataclass(frozen=True)
class Collapse:
    """The collapse of one kind of network, and how to detect it.

    Attributes
    ----------
    measure : str
        The variation that the training logs, a column of ``losses.csv``.
    threshold : float
        A network whose measure is below it has collapsed.
    finding : str
        What this means, with a placeholder for the measured value.
    advice : str
        Which settings to try.
    """

    measure: str
    threshold: float
    finding: str
    advice: str

    def measured_in(self, results: Mapping[str, np.ndarray]) -> float | None:
        """Return the final measure of a collapsed network.

        Parameters
        ----------
        results : dict of str to array
            Of a run. Runs of earlier versions have no measure.

        Returns
        -------
        float or None
            None if the network has not collapsed, or if nothing was measured.
        """
        value = last_value(results.get(self.measure, ()))
        return value if value < self.threshold else None

    def has_just_begun(self, values: Sequence[float], iterations: int) -> bool:
        """Tell whether the last iteration is the first with a collapse.

        Parameters
        ----------
        values : list of float
            The measure from iteration 0 to the last; NaN where it was not
            measured.
        iterations : int
            Length of the whole training. Its first tenth is ignored, because
            the measure of untrained networks is below the threshold as well.
        """
        settled = np.asarray(values[-(-iterations // 10) :])
        return bool(
            len(settled) > 0
            and settled[-1] < self.threshold
            and not (settled[:-1] < self.threshold).any()
        )

    def warning(self, value: float) -> str:
        """Return the finding for a measured value, and the advice, as one line
        that begins with a small letter.
        """
        return f'{self.finding.format(value)}. {self.advice}.'


_AUTOENCODER = Collapse(
    measure='code_spread',
    threshold=1e-3,
    finding='the network has learned nothing of its inputs: its code is the '
    'same for all of them (spread {:.1g}, below 0.001), so every '
    'reconstruction is the mean image',
    advice='Try --output-bias mean, --normalise volume, a smaller '
    '--learning-rate, more --patients or more --epochs',
)


def _generator_of(unit):
    return Collapse(
        measure='image_spread',
        threshold=0.1,
        finding=f'the generator has collapsed: its {unit} vary only {{:.1g}} '
        f'times as much as real {unit} (below 0.1), whatever the noise',
        advice='Try a smaller --learning-rate, another --seed or fewer '
        '--epochs',
    )


#: How the networks of each experiment collapse, by the experiment's name.
COLLAPSES = {
    name: _AUTOENCODER if spec.autoencoder else _generator_of(spec.unit)
    for name, spec in EXPERIMENTS.items()
}
