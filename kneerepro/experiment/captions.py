"""The captions of the figures: the thesis's, and ours.

The thesis prints Figure 2.1's caption below Figures 3.7 to 3.10 as well
(E12). What these figures show is taken from sections 3.3 and 3.4.
"""

_COPY = (
    '3D view example of one patient in the sagittal, axial and coronal plane'
)

#: What the thesis prints below each figure.
PRINTED = {
    '2.1': _COPY,
    '2.2': 'Depth view of the resized slides',
    '2.3': '2D CAE architecture',
    '2.4': '3D CAE architecture',
    '2.5': 'GAN architecture',
    '3.1': '25 randomly selected examples from the 2D dataset',
    '3.2': 'Reconstructed images after 100 epochs with a batchsize of 128 and '
    'α = 10⁻⁴',
    '3.3': 'Loss function for the training and test set for 100 epochs',
    '3.4': 'Ground truth (left image) and reconstruction examples (right '
    'image) from 3 random patients at 3 different slide depths (batch '
    'size=128, α = 10⁻⁴)',
    '3.5': 'Loss functions for the test and training set for 500 epochs',
    '3.6': 'Generated examples for 20 epochs with batch size=128',
    '3.7': _COPY,
    '3.8': _COPY,
    '3.9': _COPY,
    '3.10': _COPY,
}

#: Figures that the thesis does not have, by their names.
BEYOND = {
    'dcgan3d_volumes': 'volumes that the 3D DCGAN generates',
    'dcgan3d_compared': 'real volumes above those of the 3D DCGAN',
    'dcgan3d_losses': 'losses of the 3D DCGAN',
    'wgan_gp3d_volumes': 'volumes that the 3D WGAN-GP generates',
    'wgan_gp3d_compared': 'real volumes above those of the 3D WGAN-GP',
    'wgan_gp3d_losses': 'losses of the 3D WGAN-GP',
}

_OVER_TIME = (
    'Three planes through the middle of nine generated volumes at six times '
    'of the training, from the same noise each time.'
)
_REAL_AND_GENERATED = (
    'Three planes through the middle of up to nine real volumes, and of nine '
    'generated ones.'
)

#: What our figure shows.
SHOWN = {
    '2.3': 'The 2D autoencoder of this run, drawn to scale.',
    '2.4': 'The 3D autoencoder of this run, drawn to scale.',
    '2.5': 'Generator and discriminator (or critic) of this run, drawn to '
    'scale.',
    '3.2': 'Slides of the first patient, an eighth of the depth apart (every '
    '20th of 160): ground truth above, reconstruction below.',
    '3.3': 'Mean squared error over the iterations. The thesis plots the '
    'first ten test images (E19).',
    '3.4': 'Ground truth and reconstruction, and one slide in the course of '
    'the training.',
    '3.5': 'Mean squared error over the iterations. The thesis plots the '
    'first ten test volumes (E19).',
    '3.6': 'Nine images generated at six times of the training, from the same '
    'noise each time.',
    '3.7': 'Losses of discriminator and generator.',
    '3.8': 'Nine images generated at six epochs, from the same noise each '
    'time.',
    '3.9': 'Up to 100 real images beside as many generated ones.',
    '3.10': 'Losses of critic and generator.',
    'dcgan3d_volumes': _OVER_TIME,
    'dcgan3d_compared': _REAL_AND_GENERATED,
    'dcgan3d_losses': 'Losses of discriminator and generator.',
    'wgan_gp3d_volumes': _OVER_TIME,
    'wgan_gp3d_compared': _REAL_AND_GENERATED,
    'wgan_gp3d_losses': 'Losses of critic and generator.',
}


def title_of(number: str) -> str:
    """Return what a figure is called on pages, such as 'Figure 3.4'."""
    if number in BEYOND:
        return f'Beyond the thesis: {BEYOND[number]}'
    return f'Figure {number}'
