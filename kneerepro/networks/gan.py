"""The DCGAN and the WGAN-GP (section 2.4.2, Tables 2.3 and 2.4,
Figure 2.5), and the same for volumes.

The thesis has no GAN of volumes: "a natural step forward would be to extend
the DCGAN and WGAN-GP to a 3D architecture" (section 4.2). Here each table
gets one dimension more, as the thesis extends its autoencoder: the layers, the
numbers of filters, strides and paddings stay, and a filter of 4x4 becomes one
of 4x4x4.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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
from layers import (
    Conv2DLayer,
    Conv3DLayer,
    Deconv2DLayer,
    Deconv3DLayer,
    batch_norm,
)

GENERATOR_FILTERS = (1024, 512, 256, 128)  # Table 2.3
DISCRIMINATOR_FILTERS = (128, 256, 512, 1024)  # Table 2.4
_IMAGE = (64, 64)


def build_dcgan(
    nz: int = 200,
    width: float = 1,
    filter_size: int = 4,
    dense_nonlinearity: Callable | None = rectify,
    batch_norm_output: bool = False,
) -> tuple[Layer, Layer]:
    """Build the generator and the discriminator of the DCGAN.

    Parameters
    ----------
    nz : int
        Length of the noise vector. E14: Table 2.5 says 200, Table 2.3 prints
        100.
    width : float
        Factor on every number of filters; 1 is the thesis, less suits small
        machines.
    filter_size : {4, 5}
        Filter size of the generator's transposed convolutions. E3: Table 2.3
        prints 5x5 filters and crop 1, which do not double a size. 4 keeps the
        table's sizes and crop. 5 keeps its filters, with crop 2 and the
        doubled output size requested.
    dense_nonlinearity : callable or None
        Nonlinearity of the generator's dense layer. E4: the table prints "-".
        The default reads this as Lasagne's default, a ReLU. None reads it as
        linear.
    batch_norm_output : bool
        Whether to normalise before the generator's last sigmoid as well. E5:
        that row has the star that marks batch normalisation.

    Returns
    -------
    generator, discriminator : Layer
        Output layers. The generator maps noise of shape ``(None, nz)`` to
        images of shape ``(None, 1, 64, 64)``. The discriminator maps images
        to the probability that each is real, of shape ``(None, 1)``.

    Raises
    ------
    ValueError
        If `nz` is not a positive integer, `width` is not positive, or
        `filter_size` is neither 4 nor 5.

    Notes
    -----
    The default networks have 14,307,073 and 17,226,625 trainable parameters.
    """
    return (
        _build_generator(
            _IMAGE,
            nz,
            width,
            filter_size,
            dense_nonlinearity,
            batch_norm_output,
        ),
        _build_discriminator('discriminator', _IMAGE, width, sigmoid),
    )


def build_wgan_gp(
    nz: int = 200,
    width: float = 1,
    filter_size: int = 4,
    dense_nonlinearity: Callable | None = rectify,
    batch_norm_output: bool = False,
    critic_batch_norm: bool = True,
) -> tuple[Layer, Layer]:
    """Build the generator and the critic of the WGAN-GP.

    "Both [...] had the same layout [...]. The one exception was the last
    layer of the discriminator in the WGAN-GP, which had no activation
    function" (section 2.4.2).

    Parameters
    ----------
    nz, width, filter_size, dense_nonlinearity, batch_norm_output
        As in :func:`build_dcgan`.
    critic_batch_norm : bool
        Whether the critic has batch normalisation. E5: Table 2.4 has it. The
        paper that introduced the gradient penalty advises against it in the
        critic, because it makes the penalty of one sample depend on the
        others.

    Returns
    -------
    generator, critic : Layer
        As in :func:`build_dcgan`, except that the critic's scores can be any
        real numbers.

    Raises
    ------
    ValueError
        As :func:`build_dcgan` does.
    """
    return (
        _build_generator(
            _IMAGE,
            nz,
            width,
            filter_size,
            dense_nonlinearity,
            batch_norm_output,
        ),
        _build_discriminator('critic', _IMAGE, width, None, critic_batch_norm),
    )


def build_dcgan3d(
    nz: int = 200,
    depth: int = 160,
    rows: int = 64,
    columns: int = 64,
    width: float = 1,
    filter_size: int = 4,
    dense_nonlinearity: Callable | None = rectify,
    batch_norm_output: bool = False,
) -> tuple[Layer, Layer]:
    """Build a DCGAN of volumes: Tables 2.3 and 2.4 with one dimension more.

    It goes beyond the thesis, which names it as future work (section 4.2).

    Parameters
    ----------
    nz : int
        Length of the noise vector.
    depth, rows, columns : int
        Size of the volumes, multiples of 16; `depth` is the number of slices.
    width, filter_size, dense_nonlinearity, batch_norm_output
        As in :func:`build_dcgan`.

    Returns
    -------
    generator, discriminator : Layer
        Output layers. The generator maps noise of shape ``(None, nz)`` to
        volumes of shape ``(None, 1, depth, rows, columns)``. The discriminator
        maps volumes to the probability that each is real, of shape ``(None,
        1)``.

    Raises
    ------
    ValueError
        As :func:`build_dcgan` does, and if a size is not a positive multiple
        of 16.

    Notes
    -----
    The default networks have 76,982,017 and 86,199,681 trainable parameters.
    """
    size = (depth, rows, columns)
    check_sizes(depth=depth, rows=rows, columns=columns)
    return (
        _build_generator(
            size,
            nz,
            width,
            filter_size,
            dense_nonlinearity,
            batch_norm_output,
        ),
        _build_discriminator('discriminator', size, width, sigmoid),
    )


def build_wgan_gp3d(
    nz: int = 200,
    depth: int = 160,
    rows: int = 64,
    columns: int = 64,
    width: float = 1,
    filter_size: int = 4,
    dense_nonlinearity: Callable | None = rectify,
    batch_norm_output: bool = False,
    critic_batch_norm: bool = True,
) -> tuple[Layer, Layer]:
    """Build a WGAN-GP of volumes: Tables 2.3 and 2.4 with one dimension more.

    It goes beyond the thesis, which names it as future work (section 4.2).

    Parameters
    ----------
    nz, depth, rows, columns, width, filter_size, dense_nonlinearity, \
batch_norm_output
        As in :func:`build_dcgan3d`.
    critic_batch_norm : bool
        As in :func:`build_wgan_gp`.

    Returns
    -------
    generator, critic : Layer
        As in :func:`build_dcgan3d`, except that the critic's scores can be any
        real numbers.

    Raises
    ------
    ValueError
        As :func:`build_dcgan3d` does.
    """
    size = (depth, rows, columns)
    check_sizes(depth=depth, rows=rows, columns=columns)
    return (
        _build_generator(
            size,
            nz,
            width,
            filter_size,
            dense_nonlinearity,
            batch_norm_output,
        ),
        _build_discriminator('critic', size, width, None, critic_batch_norm),
    )


def _build_generator(
    size, nz, width, filter_size, dense_nonlinearity, batch_norm_output
):
    check_positive_integers(nz=nz)
    if filter_size not in (4, 5):
        raise ValueError(
            'filter_size must be 4 or 5, which are the two readings of '
            f'Table 2.3, not {filter_size}'
        )
    filters = [scale_filters(count, width) for count in GENERATOR_FILTERS]
    DeconvLayer = Deconv3DLayer if len(size) == 3 else Deconv2DLayer
    first_size = tuple(n // 16 for n in size)

    network = InputLayer((None, nz), name='generator.input')
    network = DenseLayer(
        network,
        filters[0] * math.prod(first_size),
        nonlinearity=dense_nonlinearity,
        name='generator.dense',
    )
    network = ReshapeLayer(
        network, ([0], filters[0], *first_size), name='generator.reshape'
    )
    for i, count in enumerate(filters[1:] + [1], 1):
        last = i == len(filters)
        if filter_size == 4:
            sizes = {'crop': 1}
        else:
            doubled = tuple(2 * n for n in network.output_shape[2:])
            sizes = {'crop': 2, 'output_size': doubled}
        network = DeconvLayer(
            network,
            count,
            filter_size,
            stride=2,
            nonlinearity=sigmoid if last else rectify,
            name=f'generator.deconv{i}',
            **sizes,
        )
        if not last or batch_norm_output:
            network = batch_norm(network)
    return network


def _build_discriminator(name, size, width, nonlinearity, normalise=True):
    ConvLayer = Conv3DLayer if len(size) == 3 else Conv2DLayer
    network = InputLayer((None, 1, *size), name=f'{name}.input')
    for i, count in enumerate(DISCRIMINATOR_FILTERS, 1):
        network = ConvLayer(
            network,
            scale_filters(count, width),
            5,
            stride=2,
            pad=2,
            nonlinearity=leaky_relu,
            name=f'{name}.conv{i}',
        )
        if normalise:
            network = batch_norm(network)
    network = FlattenLayer(network, name=f'{name}.reshape')
    return DenseLayer(
        network, 1, nonlinearity=nonlinearity, name=f'{name}.dense'
    )
