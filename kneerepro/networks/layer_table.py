"""Networks written in the columns of the thesis's Tables 2.1 to 2.4.

Each cell is a dictionary of its aspects, which are the parts of it that can
be right or wrong separately:

==============  ===================================  =====================
column          aspects                              example
==============  ===================================  =====================
Layer           kind, star (batch normalisation)     Conv2D, ``*``
Input, Output   channels and size, or units          64 and 32x32, or 100
Filter          kernel, filters                      5x5, 64
all others      one, whose name is empty             Leaky ReLU 0.2
==============  ===================================  =====================

A cell that the thesis prints as "-" is :data:`DASH`.
"""

from __future__ import annotations

from collections.abc import Iterable

from lasagne.layers import (
    DenseLayer,
    FlattenLayer,
    InputLayer,
    Layer,
    NonlinearityLayer,
    ReshapeLayer,
    get_all_layers,
)
from lasagne.nonlinearities import LeakyRectify, linear, rectify

from layers import (
    BatchNormLayer,
    Conv2DLayer,
    Conv3DLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
)

#: A cell without content.
DASH = {'': '-'}

_KINDS = (
    (InputLayer, 'Input'),
    (DenseLayer, 'Dense'),
    (FlattenLayer, 'Reshape'),
    (ReshapeLayer, 'Reshape'),
    (Conv2DLayer, 'Conv2D'),
    (Conv3DLayer, 'Conv3D'),
    (TransposedConv2DLayer, 'Deconv2D'),
    (TransposedConv3DLayer, 'Deconv3D'),
)


def layer_table(network: Layer) -> list[dict[str, dict[str, str]]]:
    """Describe a network as the thesis's tables do.

    Parameters
    ----------
    network : lasagne.layers.Layer
        The output layer of the network.

    Returns
    -------
    list of dict of str to dict
        A row for each layer, from the input to the output: its cells by
        column. Pad and Crop have the same content. Batch normalisation and
        separate nonlinearities belong to the row of the layer they follow. A
        layer of a kind that no table has is named after its class.
    """
    groups: list[list[Layer]] = []
    for layer in get_all_layers(network):
        if isinstance(layer, (BatchNormLayer, NonlinearityLayer)) and groups:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return [_row(group) for group in groups]


def _row(group):
    """Describe a layer and the layers that only transform its values."""
    first, last = group[0], group[-1]
    normalised = any(isinstance(layer, BatchNormLayer) for layer in group)
    border = _per_axis_cell(
        getattr(first, 'pad', getattr(first, 'crop', None))
    )
    return {
        'Layer': {'kind': _kind(first), 'star': '*' if normalised else ''},
        'Input': DASH
        if isinstance(first, InputLayer)
        else _shape_cell(first.input_shape),
        'Filter': _filter_cell(first),
        'Stride': _per_axis_cell(getattr(first, 'stride', None)),
        'Pad': border,
        'Crop': border,
        'Activ.': {'': _activation(group)},
        'Output': _shape_cell(last.output_shape),
    }


def _kind(layer):
    for layer_class, kind in _KINDS:
        if isinstance(layer, layer_class):
            return kind
    return type(layer).__name__


def _shape_cell(shape):
    if len(shape) == 2:
        return {'units': str(shape[1])}
    return {'channels': str(shape[1]), 'size': size_text(shape[2:])}


def _filter_cell(layer):
    if isinstance(layer, DenseLayer):
        # The tables print a dense layer of 100 units as "1x1x100".
        return {'kernel': '1x1', 'filters': str(layer.num_units)}
    if hasattr(layer, 'filter_size'):
        return {
            'kernel': size_text(layer.filter_size),
            'filters': str(layer.num_filters),
        }
    return DASH


def _per_axis_cell(sizes):
    """Return '2' for (2, 2), '2x1' for (2, 1), and 'same' for 'same'."""
    if sizes is None:
        return DASH
    if isinstance(sizes, str):
        return {'': sizes}
    return {'': str(sizes[0]) if len(set(sizes)) == 1 else size_text(sizes)}


def _activation(group):
    """Name the nonlinearities of a group, '-' if all of them are linear."""
    functions = [getattr(layer, 'nonlinearity', linear) for layer in group]
    names = [
        nonlinearity_name(function)
        for function in functions
        if function is not linear
    ]
    return ', '.join(names) or '-'


def nonlinearity_name(function) -> str:
    """Return the name of a nonlinearity, such as 'Leaky ReLU 0.2'."""
    if isinstance(function, LeakyRectify):
        return f'Leaky ReLU {function.leakiness:g}'
    if function is rectify:
        return 'ReLU'
    # The names of the other functions are the usual ones: sigmoid, tanh.
    return getattr(function, '__name__', type(function).__name__)


def size_text(sizes: Iterable[int | str]) -> str:
    """Join sizes as the thesis prints them, such as '5x5'."""
    return 'x'.join(map(str, sizes))
