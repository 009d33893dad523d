"""The convolutional autoencoders (section 2.4.1, Tables 2.1 and 2.2,
Figures 2.3 and 2.4).
"""

import math

from lasagne.init import Constant
from lasagne.layers import DenseLayer, FlattenLayer, InputLayer, ReshapeLayer
from lasagne.nonlinearities import rectify, sigmoid

from kneerepro.networks.common import check_positive, leaky_relu, scaled
from layers import Conv2DLayer, Conv3DLayer, Deconv2DLayer, Deconv3DLayer

ENCODER_FILTERS = (64, 128, 256, 256)  # Table 2.1
DECODER_FILTERS = (256, 128, 64, 1)  # Table 2.2, read as in E2


def build_cae2d(
    nz=100,
    rows=64,
    columns=64,
    width=1,
    channels=DECODER_FILTERS,
    dense_nonlinearity=rectify,
    encoder_sigmoid='dense',
    output_bias=0.0,
):
    """The 2D convolutional autoencoder of Tables 2.1 and 2.2.

    Parameters
    ----------
    nz : int
        Units of the latent layer (Table 2.5: 100).
    rows, columns : int
        Size of the images, multiples of 16.
    width : float
        Factor on every number of filters, for small machines; 1 is the
        thesis. The latent layer and the one-channel output stay.
    channels : 4 ints
        Filters of the decoder's transposed convolutions. E2: Table 2.2 can
        also be read as ``(128, 128, 64, 1)``, its Output column, or
        ``(256, 256, 128, 1)``, its Filter column.
    dense_nonlinearity : callable or None
        Nonlinearity of the decoder's dense layer. E4: the table prints "-",
        which is built as Lasagne's default, or None, linear.
    encoder_sigmoid : {'dense', 'conv'}
        Where the encoder's sigmoid is. E11: on its dense layer in Table 2.1,
        on its last convolution in the text of section 2.4.1, which names none
        for the dense layer; that is linear then.
    output_bias : float
        Initial bias of the decoder's last layer. E21: the thesis names no
        initialisation; 0 is Lasagne's default. The experiments take
        :func:`output_bias_for` the mean of their training images.

    Returns
    -------
    encoder, decoder : Layer
        Output layers: ``(None, 1, rows, columns)`` to ``(None, nz)``, and
        back.

    Raises
    ------
    ValueError
        For sizes that four halvings and doublings do not restore, and for
        numbers that cannot be.

    Notes
    -----
    5,193,509 trainable parameters at the defaults.
    """
    return _build_cae(
        nz,
        {'rows': rows, 'columns': columns},
        width,
        channels,
        dense_nonlinearity,
        encoder_sigmoid,
        output_bias,
        Conv2DLayer,
        Deconv2DLayer,
    )


def build_cae3d(
    nz=200,
    depth=160,
    rows=64,
    columns=64,
    width=1,
    channels=DECODER_FILTERS,
    dense_nonlinearity=rectify,
    encoder_sigmoid='dense',
    output_bias=0.0,
):
    """The 3D convolutional autoencoder of Figure 2.4 and section 2.4.1:
    "the same layout was preserved as in the 2D case".

    Parameters
    ----------
    nz : int
        Units of the latent layer (Table 2.5: 200).
    depth, rows, columns : int
        Size of the volumes, multiples of 16; `depth` counts slices.
    width, channels, dense_nonlinearity, encoder_sigmoid, output_bias
        As in :func:`build_cae2d`.

    Returns
    -------
    encoder, decoder : Layer
        Output layers: ``(None, 1, depth, rows, columns)`` to ``(None, nz)``,
        and back.

    Raises
    ------
    ValueError
        For sizes that four halvings and doublings do not restore, and for
        numbers that cannot be.

    Notes
    -----
    36,566,153 trainable parameters at the defaults.
    """
    return _build_cae(
        nz,
        {'depth': depth, 'rows': rows, 'columns': columns},
        width,
        channels,
        dense_nonlinearity,
        encoder_sigmoid,
        output_bias,
        Conv3DLayer,
        Deconv3DLayer,
    )


def output_bias_for(mean_intensity):
    """The bias with which an untrained decoder shows the mean intensity.

    With weights that average to nothing, the last layer's output is the
    sigmoid of its bias, so the bias is the logit of the mean, log(m / (1 - m))
    (E21).

    Parameters
    ----------
    mean_intensity : float
        Of the training images, in [0, 1]. Taken as at least 0.001 and at most
        0.999, beyond which the sigmoid's gradient is nearly nothing.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For a mean outside of [0, 1].
    """
    if not 0 <= mean_intensity <= 1:
        raise ValueError(
            f'mean_intensity must be in [0, 1], not {mean_intensity}'
        )
    mean = min(max(mean_intensity, 0.001), 0.999)
    return math.log(mean / (1 - mean))


def _build_cae(
    nz,
    sizes,
    width,
    channels,
    dense_nonlinearity,
    encoder_sigmoid,
    output_bias,
    ConvLayer,
    DeconvLayer,
):
    check_positive(nz=nz)
    if not math.isfinite(output_bias):
        raise ValueError(f'output_bias must be finite, not {output_bias}')
    if encoder_sigmoid not in ('dense', 'conv'):
        raise ValueError(
            "encoder_sigmoid must be 'dense' or 'conv', not "
            f'{encoder_sigmoid!r}'
        )
    _check_sizes(sizes)
    if len(channels) != 4 or channels[-1] != 1:
        raise ValueError(
            'channels must be four filter counts, the last of '
            f'them 1 as in the images, not {channels}'
        )
    size = tuple(sizes.values())

    encoder = InputLayer((None, 1) + size, name='encoder.input')
    for i, filters in enumerate(ENCODER_FILTERS, 1):
        last = i == len(ENCODER_FILTERS)
        encoder = ConvLayer(
            encoder,
            scaled(filters, width),
            5,
            stride=2,
            pad=2,
            nonlinearity=sigmoid
            if last and encoder_sigmoid == 'conv'
            else leaky_relu,
            name=f'encoder.conv{i}',
        )
    code_shape = encoder.output_shape[1:]
    encoder = FlattenLayer(encoder, name='encoder.reshape')
    encoder = DenseLayer(
        encoder,
        nz,
        name='encoder.dense',
        nonlinearity=sigmoid if encoder_sigmoid == 'dense' else None,
    )

    decoder = InputLayer((None, nz), name='decoder.input')
    decoder = DenseLayer(
        decoder,
        encoder.input_shape[1],
        nonlinearity=dense_nonlinearity,
        name='decoder.dense',
    )
    decoder = ReshapeLayer(
        decoder, ([0],) + code_shape, name='decoder.reshape'
    )
    for i, filters in enumerate(channels, 1):
        last = i == len(channels)
        decoder = DeconvLayer(
            decoder,
            1 if last else scaled(filters, width),
            4,
            stride=2,
            crop=1,
            b=Constant(output_bias if last else 0.0),
            nonlinearity=sigmoid if last else rectify,
            name=f'decoder.deconv{i}',
        )
    return encoder, decoder


def _check_sizes(sizes):
    check_positive(**sizes)
    for name, size in sizes.items():
        if size % 16:
            below, above = size // 16 * 16, (size // 16 + 1) * 16
            nearest = f'{below} or {above}' if below else f'{above}'
            raise ValueError(
                f'{name} must be a multiple of 16, not {size}: four '
                'convolutions halve it and four transposed convolutions '
                f'double it again. Nearest that works: {nearest}'
            )
