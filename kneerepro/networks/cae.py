"""The convolutional autoencoders (section 2.4.1, Tables 2.1 and 2.2,
Figures 2.3 and 2.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from lasagne.init import Constant
from lasagne.layers import (
    DenseLayer,
    FlattenLayer,
    InputLayer,
    Layer,
    ReshapeLayer,
)
from lasagne.nonlinearities import rectify, sigmoid

from kneerepro.networks.common import (
    check_positive_integers,
    check_sizes,
    leaky_relu,
    scale_filters,
)
from layers import Conv2DLayer, Conv3DLayer, Deconv2DLayer, Deconv3DLayer

ENCODER_FILTERS = (64, 128, 256, 256)  # Table 2.1
DECODER_FILTERS = (256, 128, 64, 1)  # Table 2.2, read as in E2


def build_cae2d(
    nz: int = 100,
    rows: int = 64,
    columns: int = 64,
    width: float = 1,
    channels: Sequence[int] = DECODER_FILTERS,
    dense_nonlinearity: Callable | None = rectify,
    encoder_sigmoid: str = 'dense',
    output_bias: float = 0.0,
) -> tuple[Layer, Layer]:
    """Build the 2D convolutional autoencoder of Tables 2.1 and 2.2.

    Parameters
    ----------
    nz : int
        Number of units of the latent layer (Table 2.5: 100).
    rows, columns : int
        Size of the images, multiples of 16.
    width : float
        Factor on every number of filters; 1 is the thesis, less suits small
        machines. It leaves the latent layer and the output channel alone.
    channels : sequence of 4 ints
        Number of filters of each of the decoder's transposed convolutions.
        E2: Table 2.2 can also be read as ``(128, 128, 64, 1)``, which is its
        Output column, or as ``(256, 256, 128, 1)``, its Filter column.
    dense_nonlinearity : callable or None
        Nonlinearity of the decoder's dense layer. E4: the table prints "-".
        The default reads this as Lasagne's default, a ReLU. None reads it as
        linear.
    encoder_sigmoid : {'dense', 'conv'}
        The layer of the encoder that has the sigmoid. E11: Table 2.1 puts it
        on the dense layer, the text of section 2.4.1 on the last convolution.
        The text names no nonlinearity for the dense layer, so with 'conv' it
        is linear.
    output_bias : float
        Initial bias of the decoder's last layer. E21: the thesis states no
        initialisation; 0 is Lasagne's default. The experiments pass
        :func:`output_bias_for` the mean of their training images.

    Returns
    -------
    encoder, decoder : Layer
        Output layers. The encoder maps images of shape ``(None, 1, rows,
        columns)`` to codes of shape ``(None, nz)``, the decoder codes to
        images.

    Raises
    ------
    ValueError
        If `nz`, `rows` or `columns` is not a positive integer, if `rows` or
        `columns` is not a multiple of 16, so that four halvings and
        doublings would not restore it, or if another parameter is none of
        the values above.

    Notes
    -----
    The default networks have 5,193,509 trainable parameters.
    """
    return _build_cae(
        Conv2DLayer,
        Deconv2DLayer,
        {'rows': rows, 'columns': columns},
        nz=nz,
        width=width,
        channels=channels,
        dense_nonlinearity=dense_nonlinearity,
        encoder_sigmoid=encoder_sigmoid,
        output_bias=output_bias,
    )


def build_cae3d(
    nz: int = 200,
    depth: int = 160,
    rows: int = 64,
    columns: int = 64,
    width: float = 1,
    channels: Sequence[int] = DECODER_FILTERS,
    dense_nonlinearity: Callable | None = rectify,
    encoder_sigmoid: str = 'dense',
    output_bias: float = 0.0,
) -> tuple[Layer, Layer]:
    """Build the 3D convolutional autoencoder of Figure 2.4.

    "The same layout was preserved as in the 2D case" (section 2.4.1).

    Parameters
    ----------
    nz : int
        Number of units of the latent layer (Table 2.5: 200).
    depth, rows, columns : int
        Size of the volumes, multiples of 16; `depth` is the number of slices.
    width, channels, dense_nonlinearity, encoder_sigmoid, output_bias
        As in :func:`build_cae2d`.

    Returns
    -------
    encoder, decoder : Layer
        Output layers. The encoder maps volumes of shape ``(None, 1, depth,
        rows, columns)`` to codes of shape ``(None, nz)``, the decoder codes
        to volumes.

    Raises
    ------
    ValueError
        As :func:`build_cae2d` does.

    Notes
    -----
    The default networks have 36,566,153 trainable parameters.
    """
    return _build_cae(
        Conv3DLayer,
        Deconv3DLayer,
        {'depth': depth, 'rows': rows, 'columns': columns},
        nz=nz,
        width=width,
        channels=channels,
        dense_nonlinearity=dense_nonlinearity,
        encoder_sigmoid=encoder_sigmoid,
        output_bias=output_bias,
    )


def output_bias_for(mean_intensity: float) -> float:
    """Compute the bias with which a new decoder outputs the mean intensity.

    The initial weights average to zero, so the output of the last layer is
    about the sigmoid of its bias. The bias is therefore the logit of the mean,
    log(m / (1 - m)) (E21).

    Parameters
    ----------
    mean_intensity : float
        Mean m of the training images, in [0, 1]. It is clipped to [0.001,
        0.999], outside of which the sigmoid has almost no gradient.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the mean is not in [0, 1].
    """
    if not 0 <= mean_intensity <= 1:
        raise ValueError(
            f'mean_intensity must be in [0, 1], not {mean_intensity}'
        )
    mean = min(max(mean_intensity, 0.001), 0.999)
    return math.log(mean / (1 - mean))


def _build_cae(
    ConvLayer,
    DeconvLayer,
    sizes,
    *,
    nz,
    width,
    channels,
    dense_nonlinearity,
    encoder_sigmoid,
    output_bias,
):
    check_positive_integers(nz=nz)
    if not math.isfinite(output_bias):
        raise ValueError(f'output_bias must be finite, not {output_bias}')
    if encoder_sigmoid not in ('dense', 'conv'):
        raise ValueError(
            "encoder_sigmoid must be 'dense' or 'conv', not "
            f'{encoder_sigmoid!r}'
        )
    check_sizes(**sizes)
    if len(channels) != 4 or channels[-1] != 1:
        raise ValueError(
            'channels must be four filter counts, the last of them 1 for the '
            f'one channel of the images, not {channels}'
        )
    # The encoder comes first: initialisers draw in the order of the layers.
    encoder, code_shape = _build_encoder(
        ConvLayer, tuple(sizes.values()), nz, width, encoder_sigmoid
    )
    decoder = _build_decoder(
        DeconvLayer,
        code_shape,
        nz,
        [*(scale_filters(count, width) for count in channels[:-1]), 1],
        dense_nonlinearity,
        output_bias,
    )
    return encoder, decoder


def _build_encoder(ConvLayer, size, nz, width, sigmoid_on):
    """Return the encoder, and the shape of its last feature maps."""
    network = InputLayer((None, 1) + size, name='encoder.input')
    for i, count in enumerate(ENCODER_FILTERS, 1):
        last = i == len(ENCODER_FILTERS)
        network = ConvLayer(
            network,
            scale_filters(count, width),
            5,
            stride=2,
            pad=2,
            nonlinearity=sigmoid
            if last and sigmoid_on == 'conv'
            else leaky_relu,
            name=f'encoder.conv{i}',
        )
    code_shape = network.output_shape[1:]
    network = FlattenLayer(network, name='encoder.reshape')
    network = DenseLayer(
        network,
        nz,
        nonlinearity=sigmoid if sigmoid_on == 'dense' else None,
        name='encoder.dense',
    )
    return network, code_shape


def _build_decoder(
    DeconvLayer, code_shape, nz, filters, dense_nonlinearity, output_bias
):
    network = InputLayer((None, nz), name='decoder.input')
    network = DenseLayer(
        network,
        math.prod(code_shape),
        nonlinearity=dense_nonlinearity,
        name='decoder.dense',
    )
    network = ReshapeLayer(
        network, ([0],) + code_shape, name='decoder.reshape'
    )
    for i, count in enumerate(filters, 1):
        last = i == len(filters)
        network = DeconvLayer(
            network,
            count,
            4,
            stride=2,
            crop=1,
            b=Constant(output_bias if last else 0.0),
            nonlinearity=sigmoid if last else rectify,
            name=f'decoder.deconv{i}',
        )
    return network
