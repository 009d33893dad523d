"""The measures of claims C5 and C9 for GANs of volumes (section 4.2).

The thesis claims nothing about such GANs, so nothing is judged here: each
number stands beside that of real volumes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist

from kneerepro.claims.evidence import Evidence
from kneerepro.claims.measurement import Measurement, median_ratio
from kneerepro.measures import generation
from kneerepro.measures.bootstrap import TooFewSamplesError, estimate
from kneerepro.utils.errors import UserError

# The experiment whose encoder provides the features.
_ENCODER = 'cae3d'

# A hundred volumes are fewer than a code has numbers, so their covariance is
# singular. The Fréchet distance needs features of fewer dimensions.
_COMPONENTS = 10
_SAMPLES_PER_COMPONENT = 2

# Bootstrap repetitions for distances between sets of features.
_REPETITIONS = 200

# Scales of MS-SSIM, as many of them as fit into the volumes.
_MAX_SCALES = 3


@dataclass(frozen=True)
class Quality:
    """How realistic and how varied a GAN's volumes are.

    Attributes
    ----------
    experiment : str
    measurements : list of kneerepro.claims.measurement.Measurement
    missing : list of str
        Why some numbers could not be measured.
    """

    experiment: str
    measurements: list[Measurement]
    missing: list[str]


def quality_of(evidence: Evidence, experiment: str) -> Quality:
    """Measure the volumes that a GAN generates beside real ones.

    Parameters
    ----------
    evidence : kneerepro.claims.evidence.Evidence
        With a run of the experiment. A run of the 3D autoencoder on the same
        data provides the features.
    experiment : str
        A GAN of volumes.

    Returns
    -------
    Quality
    """
    measurements: list[Measurement] = []
    missing: list[str] = []
    for measure in _by_features, _by_volumes:
        try:
            measurements += measure(evidence, experiment)
        except (UserError, TooFewSamplesError) as error:
            missing.append(str(error))
    return Quality(experiment, measurements, missing)


def _by_features(evidence: Evidence, experiment: str) -> list[Measurement]:
    """Compare codes that the 3D autoencoder's encoder gives to volumes."""
    evidence.require_same_data(experiment, _ENCODER)
    evidence.require_learned(_ENCODER)
    needed = _SAMPLES_PER_COMPONENT * _COMPONENTS
    count = evidence.sample_size(experiment)
    if count < needed:
        raise TooFewSamplesError(
            f'{experiment} has only two sets of {count} real volumes: '
            f'distances between codes need at least {needed} each'
        )
    real, other, generated = (
        evidence.features(volumes, _ENCODER)
        for volumes in (
            *evidence.real_images(experiment),
            evidence.generated_images(experiment),
        )
    )
    project = _projection(np.concatenate([real, other]))
    bandwidth = float(np.median(pdist(real)))

    def discrepancy(a: np.ndarray, b: np.ndarray) -> float:
        return generation.maximum_mean_discrepancy(a, b, bandwidth)

    measurements = []
    for name, codes in ('generated', generated), ('other real', other):
        for measure, distance, features in [
            (
                f'Fréchet distance of {name} volumes, by {_COMPONENTS} '
                'principal components of the codes',
                generation.frechet_distance,
                project,
            ),
            (
                f'sliced Wasserstein distance of {name} volumes, by the codes',
                generation.sliced_wasserstein_distance,
                _unchanged,
            ),
            (
                f'squared maximum mean discrepancy of {name} volumes, by the '
                f'codes: Gaussian kernel of bandwidth {bandwidth:.3g}, the '
                'median distance between real ones; all volumes in one batch',
                discrepancy,
                _unchanged,
            ),
        ]:
            measurements.append(
                Measurement(
                    name=measure,
                    estimate=estimate(
                        distance,
                        features(codes),
                        features(real),
                        repetitions=_REPETITIONS,
                        centred=True,
                    ),
                    samples=f'{name} volumes, real volumes',
                )
            )
    return measurements


def _unchanged(codes):
    return codes


def _projection(
    codes: np.ndarray,
) -> Callable[[np.ndarray], np.ndarray]:
    """A function that projects codes on principal components of these."""
    mean = codes.mean(0)
    _, _, axes = np.linalg.svd(codes - mean, full_matrices=False)
    return lambda others: (others - mean) @ axes[:_COMPONENTS].T


def _by_volumes(evidence: Evidence, experiment: str) -> list[Measurement]:
    """Compare the volumes themselves."""
    generated = evidence.generated_images(experiment)
    real = evidence.real_images(experiment)[0]
    train = evidence.training_images(experiment)
    scales = generation.scales_that_fit(real.shape[1:], _MAX_SCALES)
    window = f'{scales} scale' + ('s' if scales > 1 else '')
    return [
        *[
            Measurement(
                name=f'MS-SSIM of pairs of {name} volumes ({window})',
                estimate=estimate(
                    np.mean,
                    generation.ms_ssim_of_pairs(
                        volumes, len(volumes), scales=scales
                    ),
                ),
                samples='pairs',
            )
            for name, volumes in [('generated', generated), ('real', real)]
        ],
        Measurement(
            name='distance to the nearest training volume, relative to the '
            'distances between training volumes',
            estimate=estimate(
                median_ratio,
                generation.nearest_distance(generated, train),
                generation.nearest_distance(real, train, rank=2),
            ),
            samples='generated volumes, real volumes',
        ),
    ]
