"""Generator and discriminator or critic (section 2.4.2, Tables 2.3 and 2.4,
Figure 2.5).
"""

from lasagne.layers import DenseLayer, FlattenLayer, InputLayer, ReshapeLayer
from lasagne.nonlinearities import rectify, sigmoid

from kneerepro.networks.common import check_positive, leaky_relu, scaled
from layers import Conv2DLayer, Deconv2DLayer, batch_norm

GENERATOR_FILTERS = (1024, 512, 256, 128)  # Table 2.3
DISCRIMINATOR_FILTERS = (128, 256, 512, 1024)  # Table 2.4


def build_dcgan(
    nz=200,
    width=1,
    filter_size=4,
    dense_nonlinearity=rectify,
    batch_norm_output=False,
):
    """Generator and discriminator of the DCGAN.

    Parameters
    ----------
    nz : int
        Size of the noise. E14: Table 2.5 says 200, Table 2.3 prints 100.
    width : float
        Factor on every number of filters, for small machines; 1 is the
        thesis.
    filter_size : {4, 5}
        Of the generator's transposed convolutions. E3: Table 2.3 prints 5x5
        and crop 1, which does not double a size. 4 keeps the table's sizes
        and crop; 5 keeps its filters, with crop 2 and the sizes imposed.
    dense_nonlinearity : callable or None
        Of the generator's dense layer. E4: the table prints "-", which is
        built as Lasagne's default, or None, linear.
    batch_norm_output : bool
        Batch normalisation before the generator's last sigmoid too. E5: its
        row has the star that marks batch normalisation.

    Returns
    -------
    generator, discriminator : Layer
        Output layers: ``(None, nz)`` to ``(None, 1, 64, 64)``, and from there
        to ``(None, 1)``, the probability that an image is real.

    Raises
    ------
    ValueError
        For numbers that cannot be.

    Notes
    -----
    14,307,073 and 17,226,625 trainable parameters at the defaults.
    """
    return (
        _build_generator(
            nz, width, filter_size, dense_nonlinearity, batch_norm_output
        ),
        _build_discriminator('discriminator', width, sigmoid),
    )


def build_wgan_gp(
    nz=200,
    width=1,
    filter_size=4,
    dense_nonlinearity=rectify,
    batch_norm_output=False,
    critic_batch_norm=True,
):
    """Generator and critic of the WGAN-GP.

    "Both [...] had the same layout [...]. The one exception was the last
    layer of the discriminator in the WGAN-GP, which had no activation
    function" (section 2.4.2).

    Parameters
    ----------
    nz, width, filter_size, dense_nonlinearity, batch_norm_output
        As in :func:`build_dcgan`.
    critic_batch_norm : bool
        E5: Table 2.4 normalises; the paper on the gradient penalty advises
        against it in the critic, as it makes the penalty of one sample depend
        on the others.

    Returns
    -------
    generator, critic : Layer
        As in :func:`build_dcgan`; the critic's output is any real number.

    Raises
    ------
    ValueError
        For numbers that cannot be.
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
    check_positive(nz=nz)
    if filter_size not in (4, 5):
        raise ValueError(
            'filter_size must be 4 or 5, the two readings of '
            f'Table 2.3, not {filter_size}'
        )
    filters = [scaled(count, width) for count in GENERATOR_FILTERS]

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
            scaled(count, width),
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
