"""Figures 2.3, 2.4 and 2.5: the networks, drawn from their layers."""

from collections import namedtuple

from lasagne.layers import (
    DenseLayer,
    FlattenLayer,
    InputLayer,
    NonlinearityLayer,
    ReshapeLayer,
    count_params,
    get_all_layers,
)
from lasagne.nonlinearities import linear, sigmoid

from kneerepro.figures.boxes import Row, box_of, draw_rows
from kneerepro.figures.style import styled
from kneerepro.networks.layer_table import nonlinearity_name
from layers import (
    BatchNormLayer,
    Conv2DLayer,
    Conv3DLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
)

_TRANSPOSED = (TransposedConv2DLayer, TransposedConv3DLayer)

Stage = namedtuple(
    'Stage', 'name shape operation filter transposed', defaults=[None, False]
)
Stage.__doc__ = """A layer with those that only change its values.

Attributes
----------
name : str
    Of the layer.
shape : tuple of int
    Of its output, without the batch.
operation : list of str
    The lines that say how it follows from the stage before; none for the
    input.
filter : tuple of int or None
    Size of a convolution's filters.
transposed : bool
    Whether they cover part of the output rather than of the input.
"""


@styled
def figure_2_3(encoder, decoder, footer=None):
    """The 2D convolutional autoencoder (Figure 2.3, section 2.4.1).

    Parameters
    ----------
    encoder, decoder : lasagne.layers.Layer
        Output layers, as :func:`kneerepro.networks.build_cae2d` returns them:
        ``(None, 1, rows, columns)`` to ``(None, nz)``, and back.
    footer : str, optional
        Small print, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        For a layer that there is no way to draw, and for so many layers that
        their labels find no room.
    """
    return _autoencoder(encoder, decoder, 'input image', footer)


@styled
def figure_2_4(encoder, decoder, footer=None):
    """The 3D convolutional autoencoder (Figure 2.4, section 2.4.1).

    Parameters
    ----------
    encoder, decoder : lasagne.layers.Layer
        Output layers, as :func:`kneerepro.networks.build_cae3d` returns them:
        ``(None, 1, depth, rows, columns)`` to ``(None, nz)``, and back.
    footer : str, optional
        Small print, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As :func:`figure_2_3`.
    """
    return _autoencoder(encoder, decoder, 'input volume', footer)


@styled
def figure_2_5(generator, discriminator, footer=None):
    """The generative adversarial network (Figure 2.5, section 2.4.2).

    Parameters
    ----------
    generator, discriminator : lasagne.layers.Layer
        Output layers, as :func:`kneerepro.networks.build_dcgan` and
        :func:`kneerepro.networks.build_wgan_gp` return them: ``(None, nz)``
        to ``(None, 1, 64, 64)``, and from there to ``(None, 1)``. One that
        ends in a sigmoid is called discriminator, any other critic.
    footer : str, optional
        Small print, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As :func:`figure_2_3`.
    """
    probability = getattr(discriminator, 'nonlinearity', None) is sigmoid
    return _drawn(
        [
            ('Generator', generator, 'noise $z$', 'generated image $G(z)$'),
            (
                'Discriminator' if probability else 'Critic',
                discriminator,
                'image $x$, real\nor generated',
                '$D(x)$',
            ),
        ],
        footer,
    )


def _autoencoder(encoder, decoder, examples, footer):
    return _drawn(
        [
            ('Encoder', encoder, examples, 'code $h$'),
            ('Decoder', decoder, 'code $h$', 'reconstruction'),
        ],
        footer,
    )


def _drawn(networks, footer):
    return draw_rows(
        [
            Row(
                title,
                stages_of(network),
                count_params(network, trainable=True),
                first,
                last,
            )
            for title, network, first, last in networks
        ],
        footer,
    )


def stages_of(network):
    """What is to be drawn of a network.

    Parameters
    ----------
    network : lasagne.layers.Layer
        Its output layer.

    Returns
    -------
    list of Stage
        From the input. Batch normalisation and nonlinearities are part of
        the layer they follow.

    Raises
    ------
    ValueError
        For a layer that there is no way to draw.
    """
    groups = []
    for layer in get_all_layers(network):
        # What follows the input has no layer to be part of.
        if (
            isinstance(layer, (BatchNormLayer, NonlinearityLayer))
            and len(groups) > 1
        ):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    if len(groups) < 2:
        raise ValueError(f'layer {_name(network)}: no network, only an input')
    stages = []
    for group in groups:
        stage = Stage(
            _name(group[0]),
            group[0].output_shape[1:],
            _operation(group),
            getattr(group[0], 'filter_size', None),
            isinstance(group[0], _TRANSPOSED),
        )
        try:
            box_of(stage.shape)
        except ValueError as error:
            raise ValueError(f'layer {stage.name}: {error}') from None
        stages.append(stage)
    return stages


def _name(layer):
    return layer.name or type(layer).__name__


def _operation(group):
    """The lines that describe layers of which the first sets the shape."""
    lines = []
    for layer in group:
        if isinstance(layer, (Conv2DLayer, Conv3DLayer)):
            lines += [
                'conv ' + _times(layer.filter_size),
                f'stride {_short(layer.stride)}, pad {_short(layer.pad)}',
            ]
        elif isinstance(layer, _TRANSPOSED):
            lines += [
                'transposed',
                'conv ' + _times(layer.filter_size),
                f'stride {_short(layer.stride)}, crop {_short(layer.crop)}',
            ]
            if layer.output_size is not None:
                lines.append('output ' + _times(layer.output_shape[2:]))
        elif isinstance(layer, DenseLayer):
            lines.append(f'dense {layer.num_units}')
        elif isinstance(layer, FlattenLayer):
            lines.append('flatten')
        elif isinstance(layer, ReshapeLayer):
            lines.append('reshape')
        elif isinstance(layer, BatchNormLayer):
            lines.append('batch norm')
        elif not isinstance(layer, (InputLayer, NonlinearityLayer)):
            raise ValueError(
                f'layer {_name(layer)}: no way to draw a '
                f'{type(layer).__name__}'
            )
        if getattr(layer, 'num_groups', 1) > 1:
            lines.append(f'{layer.num_groups} groups')
        # The identity that batch_norm leaves behind is not worth a line.
        if getattr(layer, 'nonlinearity', linear) is not linear:
            lines.append(nonlinearity_name(layer.nonlinearity))
    if hasattr(group[0], 'W') and all(
        getattr(layer, 'nonlinearity', linear) is linear for layer in group
    ):
        lines.append('linear')
    return lines


def _times(sizes):
    return '×'.join(map(str, sizes))


def _short(sizes):
    """Such as '2' for (2, 2); Lasagne's words for padding as they are."""
    if isinstance(sizes, str) or len(set(sizes)) > 1:
        return sizes if isinstance(sizes, str) else _times(sizes)
    return str(sizes[0])
