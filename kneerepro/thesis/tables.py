"""What the thesis prints: Tables 2.1 to 2.5 and the numbers in its text.

Every cell is copied as printed, misprints included, except that the
multiplication sign is written as x and powers as 10^-4.
:mod:`kneerepro.thesis.errata` lists the contradictions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A printed table.

    Attributes
    ----------
    title : str
        Its caption.
    columns : tuple of str
        The headings of its columns.
    rows : tuple of tuple of str
        Its rows, with a cell for each column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Statement:
    """A number or a name that the text states.

    Attributes
    ----------
    key : str
        What :func:`kneerepro.thesis.reproduction.stated_values` and the
        errata call it.
    where : str
        Section, equation or figure of the thesis.
    printed : str
        The value as printed.
    what : str
        What the value is.
    """

    key: str
    where: str
    printed: str
    what: str


def _cells(text):
    """Split lines into cells, which two or more spaces separate."""
    return tuple(
        tuple(re.split(r' {2,}', line.strip()))
        for line in text.strip().splitlines()
    )


def _table(title, text):
    columns, *rows = _cells(text)
    return Table(title=title, columns=columns, rows=tuple(rows))


def _statements(text):
    fields, *rows = _cells(text)
    return tuple(Statement(**dict(zip(fields, row))) for row in rows)


TABLES = {
    '2.1': _table(
        'Architecture layout of the 2D encoder',
        """
    Layer    Input        Filter   Stride  Pad  Activ.      Output
    Input    -            -        -       -    -           1x1x64x64
    Conv2D   1x1x64x64    5x5x64   2       2    Leaky ReLU  64x1x32x32
    Conv2D   64x1x32x32   5x5x128  2       2    Leaky ReLU  128x1x16x16
    Conv2D   128x1x16x16  5x5x256  2       2    Leaky ReLU  256x1x8x8
    Conv2D   256x1x8x8    5x5x256  2       2    Leaky ReLU  256x1x4x4
    Reshape  256x1x4x4    -        -       -    -           1x4096
    Dense    1x4096       1x1x100  -       -    sigmoid     1x100
""",
    ),
    '2.2': _table(
        'Architecture layout of the 2D decoder',
        """
    Layer     Input        Filter    Stride  Crop  Activ.   Output
    Input     -            -         -       -     -        1x100
    Dense     1x100        1x1x4096  -       -     -        1x4096
    Reshape   1x4096       -         -       -     -        256x1x4x4
    Deconv2D  256x1x8x8    4x4x256   2       1     ReLU     128x1x16x16
    Deconv2D  128x1x16x16  4x4x256   2       1     ReLU     128x1x32x32
    Deconv2D  128x1x32x32  4x4x128   2       1     ReLU     64x1x64x64
    Deconv2D  64x1x64x64   4x4x1     2       1     sigmoid  1x1x64x64
""",
    ),
    '2.3': _table(
        'Architecture layout of the generator',
        """
    Layer      Input        Filter     Stride  Crop  Activ.   Output
    Input      -            -          -       -     -        1x100
    Dense      1x100        1x1x16384  -       -     -        1x16384
    Reshape    1x16384      -          -       -     -        1x1024x4x4
    Deconv2D*  1x1024x4x4   5x5x512    2       1     ReLU     512x1x8x8
    Deconv2D*  512x1x8x8    5x5x256    2       1     ReLU     256x1x16x16
    Deconv2D*  256x1x16x16  5x5x128    2       1     ReLU     128x1x32x32
    Deconv2D*  128x1x32x32  5x5x1      2       1     sigmoid  1x1x64x64
""",
    ),
    '2.4': _table(
        'Architecture layout of the discriminator',
        """
    Layer    Input        Filter    Stride  Pad  Activ.    Output
    Input    -            -         -       -    -         1x1x64x64
    Conv2D*  1x1x64x64    5x5x128   2       2    L. ReLU   128x1x32x32
    Conv2D*  128x1x32x32  5x5x256   2       2    L. ReLU   256x1x16x16
    Conv2D*  256x1x16x16  5x5x512   2       2    L. ReLU   512x1x8x8
    Conv2D*  512x1x8x8    5x5x1024  2       2    L. ReLU   1024x1x4x4
    Reshape  1024x1x4x4   -         -       -    -         1x16384
    Dense    1x16384      1x1x1     -       -    sigmoid*  1x100
""",
    ),
    '2.5': _table(
        'Hyperparameters used',
        """
    Network   NZ   Batch size  Learning rate α  Decay rate β1  Decay rate β2
    CAE 2D    100  128         10^-4            0.5            -
    CAE 3D    200  4           5*10^-5          0.5            -
    DCGAN 2D  200  128         5*10^-5          0.5            0.9
    WGAN 2D   200  128         5*10^-5          0.5            0.9
""",
    ),
}

#: The negative slope of every Leaky ReLU: "a negative slope of 0.2" (section
#: 2.4.1).
SLOPE = '0.2'

#: Slices, rows and columns of a volume (section 2.2, equation 2.3).
VOLUME = 160, 64, 64

#: What the text states about each experiment. A key that begins with caption
#: is of a value in a figure's caption that contradicts the text.
STATEMENTS = {
    'cae2d': _statements("""
key            where          printed        what
volume         section 2.2    64x64x160      a volume, resized
dataset        equation 2.2   28800x1x64x64  the 2D dataset
train          section 2.4.1  27800          training images
test           section 2.4.1  1000           test images
code           section 2.4.1  100            features in the latent space
conv_layers    section 2.4.1  4              convolutions of the encoder
deconv_layers  section 2.4.1  4              deconvolutions of the decoder
last_conv      section 2.4.1  sigmoid        activation of the last convolution
encoder_dense  section 2.4.1  4096           units of the encoder's dense layer
decoder_dense  section 2.4.1  100            units of the decoder's dense layer
batch_size     Figure 3.2     128            batch size
learning_rate  Figure 3.2     10^-4          learning rate
epochs         Figure 3.3     100            epochs
iterations     chapter 4      22500          iterations
"""),
    'cae3d': _statements("""
key            where          printed          what
volume         section 2.2    64x64x160        a volume, resized
dataset        equation 2.3   180x1x160x64x64  the 3D dataset
train          section 2.4.1  160              training volumes
test           section 2.4.1  20               test volumes
caption_batch  Figure 3.4     128              batch size
caption_rate   Figure 3.4     10^-4            learning rate
learning_rate  chapter 4      10^-4            learning rate, as in the 2D case
batch_size     chapter 4      4                batch size
parameters     chapter 4      10s of millions  parameters
epochs         Figure 3.5     500              epochs
iterations     chapter 4      22500            iterations
"""),
    'dcgan': _statements("""
key            where       printed  what
batch_size     Figure 3.6  128      batch size
learning_rate  Figure 3.6  5*10^-5  learning rate
beta1          Figure 3.6  0.5      decay rate β1
beta2          Figure 3.6  0.9      decay rate β2
epochs         Figure 3.6  20       epochs
iterations     chapter 4   4000     iterations
"""),
    'wgan_gp': _statements("""
key              where          printed  what
last_activation  section 2.4.2  -        activation of the critic's last layer
batch_size       section 3.4    128      batch size
learning_rate    chapter 4      5*10^-5  learning rate
beta1            chapter 4      0.5      decay rate β1
beta2            chapter 4      0.9      decay rate β2
epochs           section 3.4    35       epochs
"""),
}
