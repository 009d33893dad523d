"""What the claims on the autoencoders, C1 to C4, are judged by.

Each function takes a :class:`~kneerepro.claims.evidence.Evidence` and gives a
list of :class:`~kneerepro.claims.measurement.Measurement`.
"""

import numpy as np

from kneerepro.claims.measurement import Measurement, mean_ratio, ratio, single
from kneerepro.measures import curves, reconstruction
from kneerepro.measures.bootstrap import TooFew, estimate

# Epochs that tell the beginning of a training from its end.
_EPOCHS = 20


def blur(evidence):
    """C1: how much of the fine detail is left."""
    truth, made = evidence.reconstructed('cae2d')
    linear = reconstruction.through_components(
        truth,
        evidence.training_images('cae2d'),
        evidence.run('cae2d').parameters['nz'],
    )
    of_made, of_linear, of_truth = (
        reconstruction.high_frequency_product(images, truth)
        for images in (made, linear, truth)
    )
    return [
        Measurement(
            'transfer of fine detail',
            estimate(ratio, of_made, of_truth, paired=True),
            'test images',
            'above',
            reconstruction.detail_transfer(
                reconstruction.blurred(truth), truth
            ),
            'what a Gaussian one pixel wide leaves of these images: a '
            'narrower blur is not seen on the pixels',
        ),
        Measurement(
            'that of as many principal components of the training images as '
            'the code has units',
            estimate(ratio, of_linear, of_truth, paired=True),
            'test images',
        ),
        Measurement(
            'MSE of these components',
            estimate(np.mean, reconstruction.mse(linear, truth)),
            'test images',
        ),
        Measurement(
            'identification: share of the test images whose '
            'reconstruction is nearer to their own ground truth than '
            "to any other's",
            estimate(np.mean, reconstruction.identified(made, truth)),
            'test images',
        ),
        *[
            Measurement(
                name, estimate(np.mean, function(made, truth)), 'test images'
            )
            for name, function in [
                ('MSE', reconstruction.mse),
                ('PSNR in dB', reconstruction.psnr),
                ('SSIM', reconstruction.ssim),
            ]
        ],
        *[
            Measurement(
                f'high-frequency ratio of {name}',
                estimate(np.mean, reconstruction.high_frequency_ratio(images)),
                'test images',
            )
            for name, images in [
                ('reconstructions', made),
                ('the truth', truth),
            ]
        ],
    ]


def slower_and_worse(evidence):
    """C2: errors in 3D beside those in 2D, and how long to reach one."""
    errors = [
        _volume_errors(evidence, 'cae3d', 'test'),
        reconstruction.mse(*evidence.reconstructed('cae2d')[::-1]),
    ]
    losses = [evidence.curve(name, 'train') for name in ('cae3d', 'cae2d')]
    level = max(
        np.median(curves.trend(loss)[-curves.WINDOW :]) for loss in losses
    )
    slow, fast = (curves.reaching(loss, level) for loss in losses)
    truth, made = evidence.reconstructed('cae3d')
    return [
        Measurement(
            'test MSE in 3D, of that in 2D',
            estimate(mean_ratio, *errors),
            'test volumes, test images',
            'above',
            1.0,
            'equally good',
        ),
        Measurement(
            f'iterations in 3D until the training loss is {level:.2g}'
            ', of those in 2D',
            single(slow / max(1, fast), *map(len, losses)),
            'iterations; one run each, no interval',
            'above',
            1.0,
            'equally fast, to where the worse of the two ends',
        ),
        Measurement(
            'identification in 3D: share of the test volumes whose '
            'reconstruction is nearer to their own ground truth than '
            f"to any other's (the mean: 1 of {len(truth)})",
            estimate(np.mean, reconstruction.identified(made, truth)),
            'test volumes',
        ),
    ]


def overfitting(evidence):
    """C3: how far test and training errors are apart, and since when."""
    errors = [
        _volume_errors(evidence, 'cae3d', part) for part in ('test', 'train')
    ]
    # Of whole epochs; the first test loss is that before training.
    per_epoch = evidence.per_epoch('cae3d')
    train = evidence.curve('cae3d', 'train')
    train = train[: len(train) // per_epoch * per_epoch].reshape(-1, per_epoch)
    test = evidence.curve('cae3d', 'test')[1 : len(train) + 1]
    if len(test) < _EPOCHS:
        raise TooFew(f'{len(test)} epochs, at least {_EPOCHS} are needed')
    parting = curves.parting(train, test)
    return [
        Measurement(
            'test MSE, of that of training volumes',
            estimate(mean_ratio, *errors),
            'test volumes, training volumes',
            'above',
            1.0,
            'equally good',
        ),
        Measurement(
            'share of the epochs until the test loss stays above the '
            'training loss of every minibatch',
            single((parting or len(test)) / len(test), len(test)),
            'epochs; one run, no interval',
            'below',
            0.5,
            'early is before the middle',
        ),
    ]


def ends(evidence):
    """C4: errors at the ends of volumes beside those between."""
    truth, made = evidence.reconstructed('cae3d')
    errors = reconstruction.depth_errors(made, truth)
    outer = reconstruction.ends(truth.shape[1])
    beside = []
    for name, which in ('the ends', outer), ('the middle', ~outer):
        alike = [
            reconstruction.ssim(a[which], b[which]).mean()
            for a, b in zip(made, truth)
        ]
        beside += [
            Measurement(
                f'MSE at {name}',
                estimate(np.mean, errors[0][:, which].mean(1)),
                'test volumes',
            ),
            Measurement(
                f'SSIM at {name}',
                estimate(np.mean, np.array(alike)),
                'test volumes',
            ),
        ]
    return [
        Measurement(
            'error relative to the variance, outer eighths of the '
            'slices, of that between',
            estimate(reconstruction.ends_to_middle, *errors, paired=True),
            'test volumes',
            'above',
            1.0,
            'equally precise',
        ),
        *beside,
    ]


def _volume_errors(evidence, experiment, part):
    truth, made = evidence.reconstructed(experiment, part)
    return reconstruction.depth_errors(made, truth)[0].mean(1)
