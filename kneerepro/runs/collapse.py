"""Networks that learn nothing of their inputs, and how they are recognised.

An autoencoder whose code no longer depends on the image can only show the
mean image; a generator whose images no longer depend on the noise shows one
image. Both go unnoticed in a loss curve, which falls and levels off, so each
training measures how much its outputs vary, once an epoch.
"""

from dataclasses import dataclass

import numpy as np

from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.losses import last_value


@dataclass(frozen=True)
class Collapse:
    """How one kind of network collapses.

    Attributes
    ----------
    measure : str
        What the training logs, a column of ``losses.csv``.
    least : float
        A network below it has collapsed.
    finding : str
        What that means, with a place for the measured value.
    advice : str
        Which settings to try.
    """

    measure: str
    least: float
    finding: str
    advice: str

    def in_results(self, results):
        """The measure at the end of a training, if the network collapsed.

        Parameters
        ----------
        results : dict of str to array
            Of a run. Those of earlier versions have no measure.

        Returns
        -------
        float or None
            None for a network that has not collapsed.
        """
        value = last_value(results.get(self.measure, ()))
        return value if value < self.least else None

    def begins(self, values, iterations):
        """Whether a training is to be told of its collapse now.

        Parameters
        ----------
        values : list of float
            The measure from iteration 0 up to now; NaN where there is none.
        iterations : int
            Of the whole training. What happens in its first tenth does not
            count: untrained networks are below the limit as well.

        Returns
        -------
        bool
            True the first time only.
        """
        settled = np.asarray(values[-(-iterations // 10) :])
        return (
            len(settled) > 0
            and settled[-1] < self.least
            and not (settled[:-1] < self.least).any()
        )

    def warning(self, value):
        """The finding and the advice, in one sentence each."""
        return f'{self.finding.format(value)}. {self.advice}.'


_AUTOENCODER = Collapse(
    'code_spread',
    1e-3,
    'the network has learned nothing of its inputs: its code is the same for '
    'all of them (spread {:.1g}, below 0.001), so every reconstruction is the '
    'mean image',
    'Try --output-bias mean, --normalise volume, a smaller --learning-rate, '
    'more --patients or more --epochs',
)
_GENERATOR = Collapse(
    'image_spread',
    0.1,
    'the generator has collapsed: its images differ from each other by '
    '{:.1g} of what real images do (below 0.1), whatever the noise',
    'Try a smaller --learning-rate, another --seed or fewer --epochs',
)

#: By experiment.
COLLAPSES = {
    name: _AUTOENCODER if spec.autoencoder else _GENERATOR
    for name, spec in EXPERIMENTS.items()
}
