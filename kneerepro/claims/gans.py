"""What the claims on the GANs, C5 to C9, are judged by.

Functions as in :mod:`kneerepro.claims.autoencoders`.
"""

import numpy as np

from kneerepro.claims.measurement import (
    Measurement,
    mean_difference,
    mean_ratio,
    median_ratio,
    single,
)
from kneerepro.measures import curves, generation, reconstruction
from kneerepro.measures.bootstrap import TooFew, estimate
from kneerepro.utils.errors import UserError

# Of distances between many features, which take long to draw again.
_REPETITIONS = 200

_BLOCKS = f'blocks of {curves.WINDOW} iterations'


def mode_collapse(evidence):
    """C5: how alike generated images are, and how many real ones they
    leave out.
    """
    _enough_images(evidence, 'dcgan')
    features = _features(evidence, 'dcgan')
    real, other, made = features
    found, others = (
        generation.within_manifold(real, of) for of in (made, other)
    )
    alike = [
        generation.ms_ssim_of_pairs(images, len(images))
        for images in (evidence.generated('dcgan'), evidence.real('dcgan')[0])
    ]
    return [
        Measurement(
            'MS-SSIM of pairs of generated images, less that of real ones',
            estimate(mean_difference, *alike),
            'generated and real pairs',
            'above',
            0.0,
            'as varied as the real images',
        ),
        Measurement(
            'recall, of that of other real images',
            estimate(mean_ratio, found, others, paired=True),
            'real images',
            'below',
            0.5,
            'less than half of what other real images reach is reached',
        ),
        *[
            Measurement(
                f'MS-SSIM of {name}', estimate(np.mean, pairs), 'pairs'
            )
            for name, pairs in zip(('generated', 'real'), alike)
        ],
        *_quality(evidence, 'dcgan', features),
    ]


def unstable(evidence):
    """C6: whether the losses come to rest, the discriminator's above all."""
    parts, level = {}, {}
    for name in 'discriminator', 'generator':
        curve = evidence.curve('dcgan', name)
        rest = curves.residuals(curve)
        half = len(rest) // 2
        level[name] = np.median(curve[half:])
        # The beginning, a tenth, has to be in motion.
        parts[name] = [
            curves.blocks(part, curves.WINDOW)
            for part in (rest[len(rest) // 10 : half], rest[half:])
        ]
    early, late = parts['discriminator']
    return [
        Measurement(
            "spread of the discriminator's loss in the second half, "
            'of that before',
            estimate(_spread_ratio, late, early),
            _BLOCKS,
            'above',
            1.0,
            'a loss that converges comes to rest',
        ),
        Measurement(
            "spread of the discriminator's loss, of that of the generator's",
            estimate(_spread_ratio, late, parts['generator'][1]),
            _BLOCKS,
            'above',
            1.0,
            'equally unstable; both are cross-entropies',
        ),
        Measurement(
            'the same, each spread relative to its loss',
            estimate(
                _spread_ratio,
                late / level['discriminator'],
                parts['generator'][1] / level['generator'],
            ),
            _BLOCKS,
        ),
        *_about_curve(evidence, 'dcgan', 'discriminator'),
    ]


def stable(evidence):
    """C7: when the losses settle, and how much is about their trend."""
    ways, halves, settled = [], [], []
    for name, loss in ('wgan_gp', 'critic'), ('dcgan', 'discriminator'):
        curve = evidence.curve(name, loss)
        ways.append(np.ptp(curves.trend(curve)))
        halves.append(
            curves.blocks(
                curves.residuals(curve)[len(curve) // 2 :], curves.WINDOW
            )
        )
        settled.append(curves.settling(curve) / evidence.per_epoch(name))
    # The losses have different units: each counts by its own way.
    relative = [half / way for half, way in zip(halves, ways)]
    return [
        Measurement(
            "epochs until the critic's loss has settled, of those of "
            "DCGAN's discriminator",
            single(settled[0] / max(settled[1], 1e-9), 1, 1),
            'runs; no interval',
            'below',
            1.0,
            'equally fast',
        ),
        Measurement(
            "spread relative to the way of the trend, of that of DCGAN's",
            estimate(_spread_ratio, *relative),
            _BLOCKS,
            'below',
            1.0,
            'equally stable',
        ),
        *_about_curve(evidence, 'wgan_gp', 'critic'),
    ]


def outliers(evidence):
    """C8: values far from those around them."""
    found = curves.outliers(evidence.curve('wgan_gp', 'critic'))
    return [
        Measurement(
            "outliers of the critic's loss, beyond 5 spreads",
            single(found.sum(), len(found)),
            'iterations; counted, no interval',
            'above',
            2.0,
            'a few are three or more; Gaussian noise would have one in 17,000',
        ),
        Measurement(
            'their share',
            estimate(np.mean, found),
            'iterations',
            'below',
            0.01,
            'with more than one in a hundred, they are part of the loss',
        ),
    ]


def best(evidence):
    """C9: distances from the real images, and variety."""
    for name in 'wgan_gp', 'dcgan':
        _enough_images(evidence, name)
    real, other, made = _features(evidence, 'wgan_gp')
    dcgan = evidence.features(evidence.generated('dcgan'))
    images = [evidence.generated(name) for name in ('wgan_gp', 'dcgan')]
    among = evidence.training_images('wgan_gp')
    near = [
        generation.nearest_distance(images[0], among),
        generation.nearest_distance(
            evidence.real('wgan_gp')[0], among, rank=2
        ),
    ]

    recall = [generation.within_manifold(real, of) for of in (made, dcgan)]
    alike = [generation.ms_ssim_of_pairs(one, len(one)) for one in images]

    def difference(a, b, of):
        return generation.frechet_distance(
            a, of
        ) - generation.frechet_distance(b, of)

    return [
        Measurement(
            'Fréchet distance, less that of DCGAN',
            estimate(
                difference,
                made,
                dcgan,
                real,
                repetitions=_REPETITIONS,
                centred=True,
            ),
            'images of each, real images',
            'below',
            0.0,
            'equally good',
        ),
        Measurement(
            'recall, less that of DCGAN',
            estimate(mean_difference, *recall, paired=True),
            'real images',
            'above',
            0.0,
            'equally varied',
        ),
        Measurement(
            'MS-SSIM of pairs, less that of DCGAN',
            estimate(mean_difference, *alike),
            'pairs of each',
        ),
        Measurement(
            'distance to the nearest training image, of that of '
            'training images to each other',
            estimate(median_ratio, *near),
            'generated images, real images',
        ),
        *_quality(evidence, 'wgan_gp', (real, other, made)),
    ]


def _spread_ratio(a, b):
    return curves.spread(a) / curves.spread(b)


def _enough_images(evidence, experiment):
    """Whether there are images and features that tell them apart."""
    needed = 2 * evidence.run('cae2d').parameters['nz']
    count = evidence.real_size(experiment)
    if count < needed:
        raise TooFew(
            f'two sets of {count} real images, at least {needed} '
            'each are needed, two for each feature'
        )
    truth, made = evidence.reconstructed('cae2d')
    left = reconstruction.mse(made, truth).mean() / np.var(truth, 0).mean()
    if not left < 0.5:
        raise UserError(
            'the encoder, whose features are needed, is not '
            f'trained: its run leaves {left:.0%} of the variance '
            'of the test images'
        )


def _features(evidence, experiment):
    """Of two sets of real images, and of the generated ones."""
    return [
        evidence.features(images)
        for images in (
            *evidence.real(experiment),
            evidence.generated(experiment),
        )
    ]


def _quality(evidence, experiment, features):
    """Distances from real images, beside those of other real images."""
    real, other, made = features
    measurements = []
    for name, images in ('generated', made), ('other real', other):
        measurements += [
            Measurement(
                f'{kind} of {name} images',
                estimate(
                    function,
                    images,
                    real,
                    repetitions=_REPETITIONS,
                    centred=True,
                ),
                f'{name} images, real images',
            )
            for kind, function in [
                ('Fréchet distance', generation.frechet_distance),
                (
                    'sliced Wasserstein distance',
                    generation.sliced_wasserstein_distance,
                ),
            ]
        ]
        measurements += [
            Measurement(
                f'{kind} of {name} images',
                estimate(np.mean, generation.within_manifold(points, of)),
                counted,
            )
            for kind, points, of, counted in [
                ('precision', images, real, f'{name} images'),
                ('recall', real, images, 'real images'),
            ]
        ]
    return measurements


def _about_curve(evidence, experiment, name):
    """Spread, drift and oscillation of a loss, in its own unit."""
    curve = evidence.curve(experiment, name)
    share, period = curves.oscillation(curve)
    rest = curves.residuals(curve)
    return [
        Measurement(
            f"spread of the {name}'s loss",
            estimate(curves.spread, curves.blocks(rest, curves.WINDOW)),
            _BLOCKS,
        ),
        Measurement(
            'its drift over the second half',
            single(curves.drift(curve), len(curve)),
            'iterations',
        ),
        Measurement(
            'share of its strongest oscillation, of a period of '
            f'{period:.0f} iterations',
            single(share, len(curve)),
            'iterations',
        ),
    ]
