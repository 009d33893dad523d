"""Figures 2.3, 2.4 and 2.5: the networks, drawn from their layers."""

from __future__ import annotations

from typing import Any

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
from matplotlib.figure import Figure

from kneerepro.figures.boxes import box_of
from kneerepro.figures.network_diagram import Row, Stage, draw_rows
from kneerepro.figures.style import styled
from kneerepro.networks.layer_table import nonlinearity_name
from layers import (
    BatchNormLayer,
    Conv2DLayer,
    Conv3DLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
)

_CONVOLUTIONS = (Conv2DLayer, Conv3DLayer)
_TRANSPOSED = (TransposedConv2DLayer, TransposedConv3DLayer)


@styled
def figure_2_3(
    encoder: Any, decoder: Any, footer: str | None = None
) -> Figure:
    """The 2D convolutional autoencoder (Figure 2.3, section 2.4.1).

    Parameters
    ----------
    encoder, decoder : lasagne.layers.Layer
        Output layers, as returned by :func:`kneerepro.networks.build_cae2d`.
        The encoder maps ``(None, 1, rows, columns)`` to ``(None, nz)``, the
        decoder maps it back.
    footer : str, optional
        Small print at the bottom, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a layer cannot be drawn, or if there are so many layers that their
        labels do not fit.
    """
    return _draw_autoencoder(encoder, decoder, 'input image', footer)


@styled
def figure_2_4(
    encoder: Any, decoder: Any, footer: str | None = None
) -> Figure:
    """The 3D convolutional autoencoder (Figure 2.4, section 2.4.1).

    Parameters
    ----------
    encoder, decoder : lasagne.layers.Layer
        Output layers, as returned by :func:`kneerepro.networks.build_cae3d`.
        The encoder maps ``(None, 1, depth, rows, columns)`` to
        ``(None, nz)``, the decoder maps it back.
    footer : str, optional
        Small print at the bottom, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As :func:`figure_2_3`.
    """
    return _draw_autoencoder(encoder, decoder, 'input volume', footer)


@styled
def figure_2_5(
    generator: Any, discriminator: Any, footer: str | None = None
) -> Figure:
    """The generative adversarial network (Figure 2.5, section 2.4.2).

    Parameters
    ----------
    generator, discriminator : lasagne.layers.Layer
        Output layers, as returned by :func:`kneerepro.networks.build_dcgan`
        and :func:`kneerepro.networks.build_wgan_gp`. The generator maps
        ``(None, nz)`` to ``(None, 1, 64, 64)``, the discriminator maps this
        to ``(None, 1)``. If it ends in a sigmoid, its title is
        'Discriminator', otherwise 'Critic'.
    footer : str, optional
        Small print at the bottom, of up to three lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As :func:`figure_2_3`.
    """
    probability = getattr(discriminator, 'nonlinearity', None) is sigmoid
    return draw_rows(
        (
            _row(
                'Generator', generator, 'noise $z$', 'generated image $G(z)$'
            ),
            _row(
                'Discriminator' if probability else 'Critic',
                discriminator,
                'image $x$, real\nor generated',
                '$D(x)$',
            ),
        ),
        footer,
    )


def _draw_autoencoder(encoder, decoder, examples, footer):
    return draw_rows(
        (
            _row('Encoder', encoder, examples, 'code $h$'),
            _row('Decoder', decoder, 'code $h$', 'reconstruction'),
        ),
        footer,
    )


def _row(title, network, first, last):
    return Row(
        title=title,
        stages=stages_of(network),
        parameters=count_params(network, trainable=True),
        first=first,
        last=last,
    )


def stages_of(network: Any) -> list[Stage]:
    """Group the layers of a network into the stages to draw.

    Parameters
    ----------
    network : lasagne.layers.Layer
        Its output layer.

    Returns
    -------
    list of Stage
        From the input to the output. Batch normalisation and nonlinearities
        belong to the stage of the layer before them.

    Raises
    ------
    ValueError
        If a layer cannot be drawn.
    """
    groups: list[list[Any]] = []
    for layer in get_all_layers(network):
        # A nonlinearity right after the input is a stage of its own.
        keeps_shape = isinstance(layer, (BatchNormLayer, NonlinearityLayer))
        if keeps_shape and len(groups) > 1:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    if len(groups) < 2:
        raise ValueError(
            f'layer {_name(network)} is only an input: pass the output layer '
            'of a network'
        )
    return [_stage(group) for group in groups]


def _stage(group):
    """The stage of a group of layers, of which the first sets the shape."""
    first = group[0]
    stage = Stage(
        name=_name(first),
        shape=first.output_shape[1:],
        operation=_operation(group),
        filter_size=getattr(first, 'filter_size', None),
        transposed=isinstance(first, _TRANSPOSED),
    )
    try:
        box_of(stage.shape)
    except ValueError as error:
        raise ValueError(f'layer {stage.name}: {error}') from None
    return stage


def _name(layer):
    return layer.name or type(layer).__name__


def _operation(group):
    """The lines that describe a group of layers."""
    lines = []
    for layer in group:
        lines += _description(layer)
        if getattr(layer, 'num_groups', 1) > 1:
            lines.append(f'{layer.num_groups} groups')
        # batch_norm leaves an identity behind, which needs no line.
        if getattr(layer, 'nonlinearity', linear) is not linear:
            lines.append(nonlinearity_name(layer.nonlinearity))
    if hasattr(group[0], 'W') and all(
        getattr(layer, 'nonlinearity', linear) is linear for layer in group
    ):
        lines.append('linear')
    return lines


def _description(layer):
    """The lines that describe a layer without its nonlinearity."""
    if isinstance(layer, _CONVOLUTIONS):
        return [
            'conv ' + _times(layer.filter_size),
            f'stride {_short(layer.stride)}, pad {_short(layer.pad)}',
        ]
    if isinstance(layer, _TRANSPOSED):
        lines = [
            'transposed',
            'conv ' + _times(layer.filter_size),
            f'stride {_short(layer.stride)}, crop {_short(layer.crop)}',
        ]
        if layer.output_size is not None:
            lines.append('output ' + _times(layer.output_shape[2:]))
        return lines
    if isinstance(layer, DenseLayer):
        return [f'dense {layer.num_units}']
    for kind, lines in [
        (FlattenLayer, ['flatten']),
        (ReshapeLayer, ['reshape']),
        (BatchNormLayer, ['batch norm']),
        (InputLayer, []),
        (NonlinearityLayer, []),
    ]:
        if isinstance(layer, kind):
            return lines
    raise ValueError(
        f'layer {_name(layer)} is a {type(layer).__name__}, which cannot be '
        'drawn: add its description to kneerepro/figures/architecture.py'
    )


def _times(sizes):
    return '×'.join(map(str, sizes))


def _short(sizes):
    """Write sizes as briefly as possible, such as '2' for (2, 2).

    Lasagne's words for a border, such as 'same', stay as they are.
    """
    if isinstance(sizes, str):
        return sizes
    if len(set(sizes)) > 1:
        return _times(sizes)
    return str(sizes[0])
