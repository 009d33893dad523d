"""Measurements for the claims about the autoencoders, C1 to C4.

Each public function takes a :class:`~kneerepro.claims.evidence.Evidence` and
returns a list of :class:`~kneerepro.claims.measurement.Measurement`.
"""

from __future__ import annotations

import numpy as np

from kneerepro.claims.evidence import Evidence
from kneerepro.claims.measurement import Measurement, mean_ratio, ratio, single
from kneerepro.measures import curves, reconstruction
from kneerepro.measures.bootstrap import TooFewSamplesError, estimate

# In a shorter training, an early and a late part cannot be told apart.
_MIN_EPOCHS = 20


def blur(evidence: Evidence) -> list[Measurement]:
    """C1: how much of the fine detail the 2D autoencoder keeps."""
    truth, reconstructed = evidence.reconstructions('cae2d')
    linear = reconstruction.pca_reconstruction(
        truth,
        evidence.training_images('cae2d'),
        evidence.run('cae2d').parameters['nz'],
    )
    return [
        *_detail(truth, reconstructed, linear),
        Measurement(
            name='MSE of the linear code',
            estimate=estimate(np.mean, reconstruction.mse(linear, truth)),
            samples='test images',
        ),
        _identification(truth, reconstructed, 'test images'),
        *[
            Measurement(
                name=name,
                estimate=estimate(np.mean, measure(reconstructed, truth)),
                samples='test images',
            )
            for name, measure in [
                ('MSE', reconstruction.mse),
                ('PSNR in dB', reconstruction.psnr),
                ('SSIM', reconstruction.ssim),
            ]
        ],
        *[
            Measurement(
                name=f'fraction of fine detail in the energy of the {name}',
                estimate=estimate(
                    np.mean, reconstruction.high_frequency_ratio(images)
                ),
                samples='test images',
            )
            for name, images in [
                ('reconstructions', reconstructed),
                ('ground truth', truth),
            ]
        ],
    ]


def _detail(truth, reconstructed, linear):
    """The transfer of fine detail by the autoencoder and by a linear code."""
    of_reconstructed, of_linear, of_truth = (
        reconstruction.high_frequency_product(images, truth)
        for images in (reconstructed, linear, truth)
    )
    return [
        Measurement(
            name='fraction of the fine detail that the reconstructions keep',
            estimate=estimate(ratio, of_reconstructed, of_truth, paired=True),
            samples='test images',
            side='above',
            threshold=reconstruction.detail_transfer(
                reconstruction.blurred(truth), truth
            ),
            reason='what a Gaussian blur one pixel wide keeps of these '
            'images; a narrower blur cannot be seen in the pixels',
        ),
        Measurement(
            name='fraction that a linear code of the same size keeps '
            '(principal components of the training images)',
            estimate=estimate(ratio, of_linear, of_truth, paired=True),
            samples='test images',
        ),
    ]


def _identification(truth, reconstructed, samples):
    """How many reconstructions can be matched to their own ground truth."""
    return Measurement(
        name=f'identification: fraction of the {samples} whose '
        'reconstruction is nearer to its own ground truth than to any other '
        f'(if all were the mean image: 1 in {len(truth)} at most)',
        estimate=estimate(
            np.mean, reconstruction.identified(reconstructed, truth)
        ),
        samples=samples,
    )


def slower_and_worse(evidence: Evidence) -> list[Measurement]:
    """C2: the test errors in 3D and in 2D, and the times to reach a loss."""
    errors = [
        _volume_errors(evidence, 'test'),
        reconstruction.mse(*evidence.reconstructions('cae2d')[::-1]),
    ]
    losses = [evidence.curve(name, 'train') for name in ('cae3d', 'cae2d')]
    level = max(
        np.median(curves.trend(loss)[-curves.WINDOW :]) for loss in losses
    )
    in_3d, in_2d = (curves.iterations_to_reach(loss, level) for loss in losses)
    # Both trainings reach the higher of their final losses.
    assert in_3d is not None and in_2d is not None
    return [
        Measurement(
            name='test MSE in 3D relative to 2D',
            estimate=estimate(mean_ratio, *errors),
            samples='test volumes, test images',
            side='above',
            threshold=1.0,
            reason='where both are equally good',
        ),
        Measurement(
            name=f'iterations until the training loss falls to {level:.2g}, '
            'in 3D relative to 2D',
            estimate=single(in_3d / max(1, in_2d), *map(len, losses)),
            samples='iterations; one run each, so no interval',
            side='above',
            threshold=1.0,
            reason='where both are equally fast; the loss is the higher of '
            'the two final ones',
        ),
        _identification(*evidence.reconstructions('cae3d'), 'test volumes'),
    ]


def overfitting(evidence: Evidence) -> list[Measurement]:
    """C3: how far test and training errors are apart, and from when on.

    Raises
    ------
    TooFewSamplesError
        If the training has fewer than 20 epochs.
    """
    errors = [_volume_errors(evidence, part) for part in ('test', 'train')]
    # Only whole epochs count. The first test loss was measured before the
    # training.
    per_epoch = evidence.iterations_per_epoch('cae3d')
    train = evidence.curve('cae3d', 'train')
    train = train[: len(train) // per_epoch * per_epoch].reshape(-1, per_epoch)
    test = evidence.curve('cae3d', 'test')[1 : len(train) + 1]
    epochs = len(test)
    if epochs < _MIN_EPOCHS:
        raise TooFewSamplesError(
            f'the run of cae3d has only {epochs} epochs: '
            f'this claim needs at least {_MIN_EPOCHS}'
        )
    divergence = curves.divergence_epoch(train, test) or epochs
    return [
        Measurement(
            name='test MSE relative to the MSE of training volumes',
            estimate=estimate(mean_ratio, *errors),
            samples='test volumes, training volumes',
            side='above',
            threshold=1.0,
            reason='where both are equally good',
        ),
        Measurement(
            name='fraction of the epochs until the test loss stays above the '
            'training loss of every minibatch',
            estimate=single(divergence / epochs, epochs),
            samples='epochs; one run, so no interval',
            side='below',
            threshold=0.5,
            reason="since 'early' means in the first half",
        ),
    ]


def ends(evidence: Evidence) -> list[Measurement]:
    """C4: the errors at the ends of volumes and in the middle."""
    truth, reconstructed = evidence.reconstructions('cae3d')
    error, variance = reconstruction.slice_errors(reconstructed, truth)
    outer = reconstruction.end_slices(truth.shape[1])
    measurements = [
        Measurement(
            name='MSE relative to the variance, in the outer eighths of the '
            'slices over that in between',
            estimate=estimate(
                reconstruction.end_to_middle_ratio,
                error,
                variance,
                paired=True,
            ),
            samples='test volumes',
            side='above',
            threshold=1.0,
            reason='where both are equally precise',
        )
    ]
    for name, part in ('at the ends', outer), ('in the middle', ~outer):
        similarity = [
            reconstruction.ssim(a[part], b[part]).mean()
            for a, b in zip(reconstructed, truth)
        ]
        measurements += [
            Measurement(
                name=f'MSE {name}',
                estimate=estimate(np.mean, error[:, part].mean(1)),
                samples='test volumes',
            ),
            Measurement(
                name=f'SSIM {name}',
                estimate=estimate(np.mean, np.array(similarity)),
                samples='test volumes',
            ),
        ]
    return measurements


def _volume_errors(evidence, part):
    """The mean squared error of each volume, shape (n,)."""
    truth, reconstructed = evidence.reconstructions('cae3d', part)
    return reconstruction.slice_errors(reconstructed, truth)[0].mean(1)
