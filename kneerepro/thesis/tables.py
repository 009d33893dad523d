"""What the thesis prints: Tables 2.1 to 2.5 and the numbers in its text.

Cell by cell as they stand there, misprints included. Alone the sign of
multiplication is written x, and powers 10^-4. Where the thesis contradicts
itself is in :mod:`kneerepro.thesis.errata`.
"""

from collections import namedtuple

Table = namedtuple('Table', 'title columns rows')
Table.__doc__ = """A printed table.

Attributes
----------
title : str
    The caption.
columns : tuple of str
rows : tuple of tuple of str
    A cell for each column.
"""

Statement = namedtuple('Statement', 'key where what printed')
Statement.__doc__ = """A number, or a name, in the text.

Attributes
----------
key : str
    What :mod:`kneerepro.thesis.compare` knows it by.
where, what, printed : str
"""

_ENCODER = 'Layer', 'Input', 'Filter', 'Stride', 'Pad', 'Activ.', 'Output'
_DECODER = 'Layer', 'Input', 'Filter', 'Stride', 'Crop', 'Activ.', 'Output'

TABLES = {
    '2.1': Table(
        'Architecture layout of the 2D encoder',
        _ENCODER,
        (
            ('Input', '-', '-', '-', '-', '-', '1x1x64x64'),
            (
                'Conv2D',
                '1x1x64x64',
                '5x5x64',
                '2',
                '2',
                'Leaky ReLU',
                '64x1x32x32',
            ),
            (
                'Conv2D',
                '64x1x32x32',
                '5x5x128',
                '2',
                '2',
                'Leaky ReLU',
                '128x1x16x16',
            ),
            (
                'Conv2D',
                '128x1x16x16',
                '5x5x256',
                '2',
                '2',
                'Leaky ReLU',
                '256x1x8x8',
            ),
            (
                'Conv2D',
                '256x1x8x8',
                '5x5x256',
                '2',
                '2',
                'Leaky ReLU',
                '256x1x4x4',
            ),
            ('Reshape', '256x1x4x4', '-', '-', '-', '-', '1x4096'),
            ('Dense', '1x4096', '1x1x100', '-', '-', 'sigmoid', '1x100'),
        ),
    ),
    '2.2': Table(
        'Architecture layout of the 2D decoder',
        _DECODER,
        (
            ('Input', '-', '-', '-', '-', '-', '1x100'),
            ('Dense', '1x100', '1x1x4096', '-', '-', '-', '1x4096'),
            ('Reshape', '1x4096', '-', '-', '-', '-', '256x1x4x4'),
            (
                'Deconv2D',
                '256x1x8x8',
                '4x4x256',
                '2',
                '1',
                'ReLU',
                '128x1x16x16',
            ),
            (
                'Deconv2D',
                '128x1x16x16',
                '4x4x256',
                '2',
                '1',
                'ReLU',
                '128x1x32x32',
            ),
            (
                'Deconv2D',
                '128x1x32x32',
                '4x4x128',
                '2',
                '1',
                'ReLU',
                '64x1x64x64',
            ),
            (
                'Deconv2D',
                '64x1x64x64',
                '4x4x1',
                '2',
                '1',
                'sigmoid',
                '1x1x64x64',
            ),
        ),
    ),
    '2.3': Table(
        'Architecture layout of the generator',
        _DECODER,
        (
            ('Input', '-', '-', '-', '-', '-', '1x100'),
            ('Dense', '1x100', '1x1x16384', '-', '-', '-', '1x16384'),
            ('Reshape', '1x16384', '-', '-', '-', '-', '1x1024x4x4'),
            (
                'Deconv2D*',
                '1x1024x4x4',
                '5x5x512',
                '2',
                '1',
                'ReLU',
                '512x1x8x8',
            ),
            (
                'Deconv2D*',
                '512x1x8x8',
                '5x5x256',
                '2',
                '1',
                'ReLU',
                '256x1x16x16',
            ),
            (
                'Deconv2D*',
                '256x1x16x16',
                '5x5x128',
                '2',
                '1',
                'ReLU',
                '128x1x32x32',
            ),
            (
                'Deconv2D*',
                '128x1x32x32',
                '5x5x1',
                '2',
                '1',
                'sigmoid',
                '1x1x64x64',
            ),
        ),
    ),
    '2.4': Table(
        'Architecture layout of the discriminator',
        _ENCODER,
        (
            ('Input', '-', '-', '-', '-', '-', '1x1x64x64'),
            (
                'Conv2D*',
                '1x1x64x64',
                '5x5x128',
                '2',
                '2',
                'L. ReLU',
                '128x1x32x32',
            ),
            (
                'Conv2D*',
                '128x1x32x32',
                '5x5x256',
                '2',
                '2',
                'L. ReLU',
                '256x1x16x16',
            ),
            (
                'Conv2D*',
                '256x1x16x16',
                '5x5x512',
                '2',
                '2',
                'L. ReLU',
                '512x1x8x8',
            ),
            (
                'Conv2D*',
                '512x1x8x8',
                '5x5x1024',
                '2',
                '2',
                'L. ReLU',
                '1024x1x4x4',
            ),
            ('Reshape', '1024x1x4x4', '-', '-', '-', '-', '1x16384'),
            ('Dense', '1x16384', '1x1x1', '-', '-', 'sigmoid*', '1x100'),
        ),
    ),
    '2.5': Table(
        'Hyperparameters used',
        (
            'Network',
            'NZ',
            'Batch size',
            'Learning rate α',
            'Decay rate β1',
            'Decay rate β2',
        ),
        (
            ('CAE 2D', '100', '128', '10^-4', '0.5', '-'),
            ('CAE 3D', '200', '4', '5*10^-5', '0.5', '-'),
            ('DCGAN 2D', '200', '128', '5*10^-5', '0.5', '0.9'),
            ('WGAN 2D', '200', '128', '5*10^-5', '0.5', '0.9'),
        ),
    ),
}

#: Rows of Table 2.5.
ROWS_2_5 = {'cae2d': 0, 'cae3d': 1, 'dcgan': 2, 'wgan_gp': 3}

#: "a negative slope of 0.2" (section 2.4.1), of every Leaky ReLU.
SLOPE = '0.2'

#: Slices, rows and columns of a volume (section 2.2, equation 2.3).
VOLUME = 160, 64, 64

#: What the text says of each experiment.
STATEMENTS = {
    'cae2d': (
        Statement('volume', 'section 2.2', 'a volume, resized', '64x64x160'),
        Statement(
            'dataset', 'equation 2.2', 'the 2D dataset', '28800x1x64x64'
        ),
        Statement('train', 'section 2.4.1', 'training images', '27800'),
        Statement('test', 'section 2.4.1', 'test images', '1000'),
        Statement(
            'code', 'section 2.4.1', 'features in the latent space', '100'
        ),
        Statement(
            'convolutions', 'section 2.4.1', 'convolutions of the encoder', '4'
        ),
        Statement(
            'deconvolutions',
            'section 2.4.1',
            'deconvolutions of the decoder',
            '4',
        ),
        Statement(
            'last_convolution',
            'section 2.4.1',
            'activation of the last convolution',
            'sigmoid',
        ),
        Statement(
            'encoder_dense',
            'section 2.4.1',
            "units of the encoder's dense layer",
            '4096',
        ),
        Statement(
            'decoder_dense',
            'section 2.4.1',
            "units of the decoder's dense layer",
            '100',
        ),
        Statement('batch_size', 'Figure 3.2', 'batch size', '128'),
        Statement('learning_rate', 'Figure 3.2', 'learning rate', '10^-4'),
        Statement('epochs', 'Figure 3.3', 'epochs', '100'),
        Statement('iterations', 'chapter 4', 'iterations', '22500'),
    ),
    'cae3d': (
        Statement('volume', 'section 2.2', 'a volume, resized', '64x64x160'),
        Statement(
            'dataset', 'equation 2.3', 'the 3D dataset', '180x1x160x64x64'
        ),
        Statement('train', 'section 2.4.1', 'training volumes', '160'),
        Statement('test', 'section 2.4.1', 'test volumes', '20'),
        Statement(
            'batch_size in the caption', 'Figure 3.4', 'batch size', '128'
        ),
        Statement(
            'learning_rate in the caption',
            'Figure 3.4',
            'learning rate',
            '10^-4',
        ),
        Statement(
            'learning_rate',
            'chapter 4',
            'learning rate: "as in the 2D case"',
            '10^-4',
        ),
        Statement('batch_size', 'chapter 4', 'batch size', '4'),
        Statement(
            'order of parameters', 'chapter 4', 'parameters', '10s of millions'
        ),
        Statement('epochs', 'Figure 3.5', 'epochs', '500'),
        Statement('iterations', 'chapter 4', 'iterations', '22500'),
    ),
    'dcgan': (
        Statement('batch_size', 'Figure 3.6', 'batch size', '128'),
        Statement('learning_rate', 'Figure 3.6', 'learning rate', '5*10^-5'),
        Statement('beta1', 'Figure 3.6', 'decay rate β1', '0.5'),
        Statement('beta2', 'Figure 3.6', 'decay rate β2', '0.9'),
        Statement('epochs', 'Figure 3.6', 'epochs', '20'),
        Statement('iterations', 'chapter 4', 'iterations', '4000'),
    ),
    'wgan_gp': (
        Statement(
            'last_activation',
            'section 2.4.2',
            "activation of the critic's last layer",
            '-',
        ),
        Statement('batch_size', 'section 3.4', 'batch size', '128'),
        Statement('learning_rate', 'chapter 4', 'learning rate', '5*10^-5'),
        Statement('beta1', 'chapter 4', 'decay rate β1', '0.5'),
        Statement('beta2', 'chapter 4', 'decay rate β2', '0.9'),
        Statement('epochs', 'section 3.4', 'epochs', '35'),
    ),
}
