"""Measurements for the claims about the GANs, C5 to C9.

The functions are like those of :mod:`kneerepro.claims.autoencoders`.
"""

from __future__ import annotations

import numpy as np

from kneerepro.claims.evidence import Evidence
from kneerepro.claims.measurement import (
    Measurement,
    mean_difference,
    mean_ratio,
    median_ratio,
    single,
)
from kneerepro.measures import curves, generation, reconstruction
from kneerepro.measures.bootstrap import TooFewSamplesError, estimate
from kneerepro.utils.errors import UserError

# Bootstrap repetitions for distances between sets of features, which take
# long to compute.
_REPETITIONS = 200

# The bootstrap resamples blocks of a loss, whose values depend on each other.
_BLOCKS = f'blocks of {curves.WINDOW} iterations'

# Samples required for each feature. The covariance of n <= d samples of d
# features is singular, and no Fréchet distance can be estimated from it.
_SAMPLES_PER_FEATURE = 2

# The encoder provides useful features only if its autoencoder leaves less than
# this fraction of the variance of the test images.
_MAX_UNEXPLAINED = 0.5


def mode_collapse(evidence: Evidence) -> list[Measurement]:
    """C5: how alike generated images are, and which real ones they miss."""
    _require_features(evidence, 'dcgan')
    real, other, generated = _features(evidence, 'dcgan')
    covered_by_other, covered_by_generated = (
        generation.within_manifold(real, features)
        for features in (other, generated)
    )
    similarity = {
        name: generation.ms_ssim_of_pairs(images, len(images))
        for name, images in [
            ('generated', evidence.generated_images('dcgan')),
            ('real', evidence.real_images('dcgan')[0]),
        ]
    }
    return [
        Measurement(
            name='MS-SSIM of pairs of generated images, minus that of pairs '
            'of real images',
            estimate=estimate(
                mean_difference, similarity['generated'], similarity['real']
            ),
            samples='generated pairs, real pairs',
            side='above',
            threshold=0.0,
            reason='where generated images are as varied as real ones',
        ),
        Measurement(
            name='recall relative to that of other real images',
            estimate=estimate(
                mean_ratio, covered_by_generated, covered_by_other, paired=True
            ),
            samples='real images',
            side='below',
            threshold=0.5,
            reason='half of what other real images cover',
        ),
        *[
            Measurement(
                name=f'MS-SSIM of pairs of {name} images',
                estimate=estimate(np.mean, pairs),
                samples='pairs',
            )
            for name, pairs in similarity.items()
        ],
        *_quality(real, other, generated),
    ]


def unstable(evidence: Evidence) -> list[Measurement]:
    """C6: whether the losses settle, above all the discriminator's."""
    early, late, level = {}, {}, {}
    for name in 'discriminator', 'generator':
        curve = evidence.curve('dcgan', name)
        rest = curves.residuals(curve)
        half, tenth = len(rest) // 2, len(rest) // 10
        level[name] = np.median(curve[half:])
        # Every loss moves in the first tenth of a training.
        early[name] = curves.blocks(rest[tenth:half], curves.WINDOW)
        late[name] = curves.blocks(rest[half:], curves.WINDOW)
    return [
        Measurement(
            name="spread of the discriminator's loss in the second half of "
            'the training, relative to the first half without its beginning',
            estimate=estimate(
                _spread_ratio, late['discriminator'], early['discriminator']
            ),
            samples=_BLOCKS,
            side='above',
            threshold=1.0,
            reason='since a loss that converges comes to rest',
        ),
        Measurement(
            name="spread of the discriminator's loss relative to that of the "
            "generator's",
            estimate=estimate(
                _spread_ratio, late['discriminator'], late['generator']
            ),
            samples=_BLOCKS,
            side='above',
            threshold=1.0,
            reason='where both are equally unstable; both are cross-entropies',
        ),
        Measurement(
            name='the same, with each spread divided by the median loss',
            estimate=estimate(
                _spread_ratio,
                late['discriminator'] / level['discriminator'],
                late['generator'] / level['generator'],
            ),
            samples=_BLOCKS,
        ),
        *_loss_curve(evidence, 'dcgan', 'discriminator'),
    ]


def stable(evidence: Evidence) -> list[Measurement]:
    """C7: when the losses settle, and how far they stray from their trend."""
    settled, scattered = [], []
    for experiment, name in ('wgan_gp', 'critic'), ('dcgan', 'discriminator'):
        curve = evidence.curve(experiment, name)
        settled.append(
            curves.settling_time(curve)
            / evidence.iterations_per_epoch(experiment)
        )
        late = curves.blocks(
            curves.residuals(curve)[len(curve) // 2 :], curves.WINDOW
        )
        # The two losses have different units, so each is divided by the range
        # of its own trend.
        scattered.append(late / np.ptp(curves.trend(curve)))
    return [
        Measurement(
            name="epochs until the critic's loss has settled, relative to "
            "DCGAN's discriminator",
            # The divisor is 0 if a loss has settled from the start.
            estimate=single(settled[0] / max(settled[1], 1e-9), 1, 1),
            samples='runs; no interval',
            side='below',
            threshold=1.0,
            reason='where both are equally fast',
        ),
        Measurement(
            name='spread of the loss, divided by the range of its trend, '
            'relative to DCGAN',
            estimate=estimate(_spread_ratio, *scattered),
            samples=_BLOCKS,
            side='below',
            threshold=1.0,
            reason='where both are equally stable',
        ),
        *_loss_curve(evidence, 'wgan_gp', 'critic'),
    ]


def outliers(evidence: Evidence) -> list[Measurement]:
    """C8: values of the critic's loss that are far from their neighbours."""
    found = curves.outliers(evidence.curve('wgan_gp', 'critic'))
    return [
        Measurement(
            name="outliers of the critic's loss, more than 5 spreads away "
            'from the median around them',
            estimate=single(found.sum(), len(found)),
            samples='iterations; a count, so no interval',
            side='above',
            threshold=2.0,
            reason="since 'a few' means three or more; Gaussian noise has "
            'one in 17,000 iterations',
        ),
        Measurement(
            name='fraction of the iterations that are outliers',
            estimate=estimate(np.mean, found),
            samples='iterations',
            side='below',
            threshold=0.01,
            reason='since more than one in a hundred would be a normal part '
            'of the loss',
        ),
    ]


def best(evidence: Evidence) -> list[Measurement]:
    """C9: the distance of generated images to real ones, and their variety."""
    for name in 'wgan_gp', 'dcgan':
        _require_features(evidence, name)
    real, other, wgan_gp = _features(evidence, 'wgan_gp')
    dcgan = evidence.features(evidence.generated_images('dcgan'))
    images = [evidence.generated_images(name) for name in ('wgan_gp', 'dcgan')]
    train = evidence.training_images('wgan_gp')
    nearest = [
        generation.nearest_distance(images[0], train),
        generation.nearest_distance(
            evidence.real_images('wgan_gp')[0], train, rank=2
        ),
    ]
    recall = [
        generation.within_manifold(real, features)
        for features in (wgan_gp, dcgan)
    ]
    similarity = [
        generation.ms_ssim_of_pairs(generated, len(generated))
        for generated in images
    ]
    return [
        Measurement(
            name='Fréchet distance to real images, minus that of DCGAN',
            estimate=estimate(
                _difference_of_distances,
                wgan_gp,
                dcgan,
                real,
                repetitions=_REPETITIONS,
                centred=True,
            ),
            samples='images of WGAN-GP, of DCGAN, real images',
            side='below',
            threshold=0.0,
            reason='where both are equally good',
        ),
        Measurement(
            name='recall, minus that of DCGAN',
            estimate=estimate(mean_difference, *recall, paired=True),
            samples='real images',
            side='above',
            threshold=0.0,
            reason='where both are equally varied',
        ),
        Measurement(
            name='MS-SSIM of pairs of generated images, minus that of DCGAN',
            estimate=estimate(mean_difference, *similarity),
            samples='pairs of WGAN-GP, pairs of DCGAN',
        ),
        Measurement(
            name='distance to the nearest training image, relative to the '
            'distances between training images',
            estimate=estimate(median_ratio, *nearest),
            samples='generated images, real images',
        ),
        *_quality(real, other, wgan_gp),
    ]


def _difference_of_distances(a, b, real):
    return generation.frechet_distance(a, real) - generation.frechet_distance(
        b, real
    )


def _spread_ratio(a, b):
    return curves.spread(a) / curves.spread(b)


def _require_features(evidence, experiment):
    """Raise if there are too few images, or no encoder to compare them by."""
    needed = _SAMPLES_PER_FEATURE * evidence.run('cae2d').parameters['nz']
    count = evidence.sample_size(experiment)
    if count < needed:
        raise TooFewSamplesError(
            f'{experiment} has only two sets of {count} real images: this '
            f'claim needs at least {needed} each, '
            f'{_SAMPLES_PER_FEATURE} for each feature'
        )
    truth, reconstructed = evidence.reconstructions('cae2d')
    unexplained = (
        reconstruction.mse(reconstructed, truth).mean()
        / np.var(truth, 0).mean()
    )
    if not unexplained < _MAX_UNEXPLAINED:
        raise UserError(
            'the encoder of cae2d, which provides the features, is not '
            f'trained: its autoencoder leaves {unexplained:.0%} of the '
            'variance of the test images, and this claim needs less than '
            f'{_MAX_UNEXPLAINED:.0%}'
        )


def _features(evidence, experiment):
    """Features of real images, of other real images and of generated ones."""
    real, other = evidence.real_images(experiment)
    generated = evidence.generated_images(experiment)
    return [evidence.features(images) for images in (real, other, generated)]


def _quality(real, other, generated):
    """Compare generated images with real ones, and other real images, too."""
    measurements = []
    for name, images in [
        ('generated images', generated),
        ('other real images', other),
    ]:
        measurements += [
            Measurement(
                name=f'{measure} of {name}',
                estimate=estimate(
                    distance,
                    images,
                    real,
                    repetitions=_REPETITIONS,
                    centred=True,
                ),
                samples=f'{name}, real images',
            )
            for measure, distance in [
                ('Fréchet distance', generation.frechet_distance),
                (
                    'sliced Wasserstein distance',
                    generation.sliced_wasserstein_distance,
                ),
            ]
        ]
        measurements += [
            Measurement(
                name=f'{measure} of {name}',
                estimate=estimate(
                    np.mean, generation.within_manifold(points, reference)
                ),
                samples=samples,
            )
            for measure, points, reference, samples in [
                ('precision', images, real, name),
                ('recall', real, images, 'real images'),
            ]
        ]
    return measurements


def _loss_curve(evidence, experiment, name):
    """The spread, the drift and the oscillation of a loss, in its unit."""
    curve = evidence.curve(experiment, name)
    fraction, period = curves.oscillation(curve)
    rest = curves.residuals(curve)
    return [
        Measurement(
            name=f"spread of the {name}'s loss",
            estimate=estimate(
                curves.spread, curves.blocks(rest, curves.WINDOW)
            ),
            samples=_BLOCKS,
        ),
        Measurement(
            name='its drift over the second half of the training',
            estimate=single(curves.drift(curve), len(curve)),
            samples='iterations',
        ),
        Measurement(
            name='fraction of the energy about its trend in the strongest '
            f'oscillation, which has a period of {period:.0f} iterations',
            estimate=single(fraction, len(curve)),
            samples='iterations',
        ),
    ]
