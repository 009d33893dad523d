"""How much a network has learned of its inputs.

Measured once an epoch for ``losses.csv``, and once more on the trained
network for the figures and the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kneerepro.experiment import browser
from kneerepro.measures import codes, reconstruction
from kneerepro.runs import ranks
from kneerepro.runs.batches import outputs_over_shares

if TYPE_CHECKING:
    from kneerepro.algorithms.cae import CAEFunctions
    from kneerepro.experiment.session import Experiment

# Test examples that the report's browser shows.
_BROWSED_VOLUMES, _BROWSED_IMAGES = 5, 100


def measure_code_spread(
    experiment: Experiment, functions: CAEFunctions
) -> float:
    """Measure how much an autoencoder's code varies between examples.

    Parameters
    ----------
    experiment : Experiment
    functions : kneerepro.algorithms.cae.CAEFunctions

    Returns
    -------
    float
        The :func:`~kneerepro.measures.codes.code_spread` of the test
        examples, or of the training examples if there is only one test
        example.
    """
    examples = (
        experiment.test if len(experiment.test) > 1 else experiment.train
    )
    batch_size = experiment.parameters['batch_size']
    return codes.code_spread(
        outputs_over_shares(functions.encode, examples, batch_size)
    )


class ImageSpread:
    """Measures how much generated images vary, relative to real ones.

    Each call generates images from the same noise and divides their
    :func:`~kneerepro.measures.codes.image_spread` by that of training images:
    1 means as varied as the real images, 0 that all images are the same.

    Parameters
    ----------
    experiment : Experiment
        Of a GAN.
    functions : DCGANFunctions or WGANGPFunctions
    generated, real : int
        From how many images, or volumes, it is measured.
    """

    def __init__(
        self,
        experiment: Experiment,
        functions: Any,
        generated: int = 64,
        real: int = 256,
    ):
        # A generator of its own, so that measuring does not change the
        # noise that the training draws.
        rng = np.random.RandomState([experiment.parameters['seed'], 1])
        nz = experiment.parameters['nz']
        self._noise = rng.normal(size=(generated, nz)).astype('float32')
        self._generate = functions.generate
        self._spread_of_real = codes.image_spread(
            experiment.sample_training(real)
        )

    def __call__(self) -> float:
        """Return the relative spread of images generated now."""
        spread = codes.image_spread(self._generate(self._noise))
        # Identical training images have a spread of 0.
        return spread / (self._spread_of_real or 1.0)


def evaluate_autoencoder(
    experiment: Experiment, functions: CAEFunctions
) -> dict[str, Any]:
    """Evaluate a trained autoencoder.

    Several processes share what the networks compute.

    Parameters
    ----------
    experiment : Experiment
    functions : kneerepro.algorithms.cae.CAEFunctions

    Returns
    -------
    dict of str to array
        Empty in all processes but the first.

        ``mean_mse``, ``components_mse``, ``components``
            The test errors that the autoencoder's is compared with; see
            :class:`kneerepro.measures.reconstruction.Baselines`.
        ``identified`` : bool, shape (test examples,)
            See :func:`kneerepro.measures.reconstruction.identified`.
        ``code_plane`` : float32, shape (n, 2)
            The codes of all examples, training examples first, projected on
            their first two principal components.
        ``code_explained`` : shape (2,)
            Share of the codes' variance along each component.
        ``code_volume`` : int, shape (n,)
            Index of the example's volume in the dataset.
        ``code_tests`` : bool, shape (n,)
            Whether the example belongs to the test set.
        ``volume_side`` : str, shape (volumes,)
            'LEFT', 'RIGHT' or ''.
        ``volume_width`` : float, shape (volumes,)
            Epicondylar width of a synthetic knee, in mm; NaN if unknown.
        ``browsed_examples`` : int, shape (m,)
            Indices of some test examples, from the least error to the
            greatest, which the report's browser shows.
        ``browsed_truth``, ``browsed_reconstruction`` : float16, shape \
(m, [depth,] rows, columns)
            These examples and their reconstructions.
    """
    batch_size = experiment.parameters['batch_size']
    reconstructed = outputs_over_shares(
        functions.reconstruct, experiment.test, batch_size
    )
    encoded = [
        outputs_over_shares(functions.encode, examples, batch_size)
        for examples in (experiment.train, experiment.test)
    ]
    if not ranks.is_first():
        return {}
    train, test = experiment.train[:], experiment.test[:]
    baselines = reconstruction.baselines(
        test, train, experiment.parameters['nz']
    )
    plane, explained = codes.principal_plane(np.concatenate(encoded))
    return {
        'mean_mse': baselines.mean_mse,
        'components_mse': baselines.components_mse,
        'components': baselines.components,
        'identified': reconstruction.identified(reconstructed, test),
        'code_plane': plane.astype('float32'),
        'code_explained': explained,
        'code_volume': np.concatenate(
            [experiment.train.volume, experiment.test.volume]
        ),
        'code_tests': np.repeat([False, True], [len(train), len(test)]),
        'volume_side': experiment.sides,
        'volume_width': experiment.widths,
        **_browsed(test, reconstructed),
    }


def _browsed(test, reconstructed):
    """Choose what the report's browser shows."""
    mse = [
        np.square(made - truth).mean(dtype='float64')
        for made, truth in zip(reconstructed, test)
    ]
    on_volumes = test.ndim == 5
    chosen = browser.choose(
        np.array(mse),
        test[0].size,
        _BROWSED_VOLUMES if on_volumes else _BROWSED_IMAGES,
    )
    return {
        'browsed_examples': np.array(chosen, int),
        'browsed_truth': test[chosen, 0].astype('float16'),
        'browsed_reconstruction': reconstructed[chosen, 0].astype('float16'),
    }
