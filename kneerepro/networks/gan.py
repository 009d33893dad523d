"""The DCGAN and the WGAN-GP (section 2.4.2, Tables 2.3 and 2.4,
Figure 2.5).
"""

from __future__ import annotations

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
    leaky_relu,
    scale_filters,
)
from layers import Conv2DLayer, Deconv2DLayer, batch_norm

GENERATOR_FILTERS = (1024, 512, 256, 128)  # Table 2.3
DISCRIMINATOR_FILTERS = (128, 256, 512, 1024)  # Table 2.4


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
            nz, width, filter_size, dense_nonlinearity, batch_norm_output
        ),
        _build_discriminator('discriminator', width, sigmoid),
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
            nz, width, filter_size, dense_nonlinearity, batch_norm_output
        ),
        _build_discriminator('critic', width, None, critic_batch_norm),
    )


def _build_generator(
    nz, width, filter_size, dense_nonlinearity, batch_norm_output
):
    check_positive_integers(nz=nz)
    if filter_size not in (4, 5):
        raise ValueError(
            'filter_size must be 4 or 5, which are the two readings of '
            f'Table 2.3, not {filter_size}'
        )
    filters = [scale_filters(count, width) for count in GENERATOR_FILTERS]

    network = InputLayer((None, nz), name='generator.input')
    network = DenseLayer(
        network,
        filters[0] * 4 * 4,
        nonlinearity=dense_nonlinearity,
        name='generator.dense',
    )
    network = ReshapeLayer(
        network, ([0], filters[0], 4, 4), name='generator.reshape'
    )
    for i, count in enumerate(filters[1:] + [1], 1):
        last = i == len(filters)
        if filter_size == 4:
            sizes = {'crop': 1}
        else:
            sizes = {'crop': 2, 'output_size': 2 * network.output_shape[2]}
        network = Deconv2DLayer(
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


def _build_discriminator(name, width, nonlinearity, normalise=True):
    network = InputLayer((None, 1, 64, 64), name=f'{name}.input')
    for i, count in enumerate(DISCRIMINATOR_FILTERS, 1):
        network = Conv2DLayer(
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
