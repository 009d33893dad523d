"""The figures' captions as the thesis prints them.

Those of Figures 3.7 to 3.10 are copies of Figure 2.1's (E12); what these
figures show is taken from the text, sections 3.3 and 3.4.
"""

_COPY = (
    '3D view example of one patient in the sagittal, axial and coronal plane'
)

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

SHOWN = {
    '2.3': 'The 2D autoencoder as it was built for this run, to scale.',
    '2.4': 'The 3D autoencoder as it was built for this run, to scale.',
    '2.5': 'Generator and discriminator or critic as they were built for '
    'this run, to scale.',
    '3.2': 'Reconstructions of slides of the first patient, an eighth of the '
    'depth apart (of 160, every 20th), below their ground truth.',
    '3.3': 'Mean squared error over the iterations. The thesis plots the '
    'first ten test images (E19).',
    '3.4': 'Ground truth and reconstruction, and one slide over the training.',
    '3.5': 'Mean squared error over the iterations. The thesis plots the '
    'first ten test volumes (E19).',
    '3.6': 'Nine generated images at six times of the training, of the same '
    'noise each time.',
    '3.7': 'Losses of discriminator and generator.',
    '3.8': 'Nine generated images at six epochs, of the same noise each time.',
    '3.9': 'Real images, 100 if there are as many, beside as many generated '
    'ones.',
    '3.10': 'Losses of critic and generator.',
}
