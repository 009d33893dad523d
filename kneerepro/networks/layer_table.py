"""Networks in the columns of the thesis's tables, read from their layers.

A cell is a dict of its aspects, the parts that can be right or wrong each:

==============  ===================================  =======================
column          aspects                              such as
==============  ===================================  =======================
Layer           kind, star (batch normalisation)     Conv2D, ``*``
Input, Output   channels and size, or units          64 and 32x32, or 100
Filter          kernel, filters                      5x5, 64
others          one, without a name                  Leaky ReLU 0.2
==============  ===================================  =======================

A cell with nothing to say has one aspect without a name, ``-``.
"""

from lasagne.layers import (
    DenseLayer,
    FlattenLayer,
    InputLayer,
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

NOTHING = {'': '-'}

_KINDS = [
    (InputLayer, 'Input'),
    (DenseLayer, 'Dense'),
    (FlattenLayer, 'Reshape'),
    (ReshapeLayer, 'Reshape'),
    (Conv2DLayer, 'Conv2D'),
    (Conv3DLayer, 'Conv3D'),
    (TransposedConv2DLayer, 'Deconv2D'),
    (TransposedConv3DLayer, 'Deconv3D'),
]


def described(network):
    """The rows of a network's table.

    Parameters
    ----------
    network : lasagne.layers.Layer
        Its output layer.

    Returns
    -------
    list of dict of str to dict
        For each layer, from the input, its cells by column; Pad and Crop are
        the same. Batch normalisation and nonlinearities are part of the layer
        they follow. A layer that the thesis has not is called by its class.
    """
    groups = []
    for layer in get_all_layers(network):
        if isinstance(layer, (BatchNormLayer, NonlinearityLayer)) and groups:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return [_row(group) for group in groups]


def _row(group):
    first, last = group[0], group[-1]
    star = any(isinstance(layer, BatchNormLayer) for layer in group)
    border = getattr(first, 'pad', getattr(first, 'crop', None))
    return {
        'Layer': {'kind': _kind(first), 'star': '*' * star},
        'Input': NOTHING
        if isinstance(first, InputLayer)
        else _shape(first.input_shape),
        'Filter': _filter(first),
        'Stride': _same(getattr(first, 'stride', None)),
        'Pad': _same(border),
        'Crop': _same(border),
        'Activ.': {'': activation(group)},
        'Output': _shape(last.output_shape),
    }


def _kind(layer):
    for of, name in _KINDS:
        if isinstance(layer, of):
            return name
    return type(layer).__name__


def _shape(shape):
    if len(shape) == 2:
        return {'units': str(shape[1])}
    return {'channels': str(shape[1]), 'size': times(shape[2:])}


def _filter(layer):
    if isinstance(layer, DenseLayer):
        # "1x1x100" in the tables.
        return {'kernel': '1x1', 'filters': str(layer.num_units)}
    if hasattr(layer, 'filter_size'):
        return {
            'kernel': times(layer.filter_size),
            'filters': str(layer.num_filters),
        }
    return NOTHING


def _same(sizes):
    """Such as '2' for (2, 2); Lasagne's words for padding as they are."""
    if sizes is None:
        return NOTHING
    if isinstance(sizes, str):
        return {'': sizes}
    return {'': str(sizes[0]) if len(set(sizes)) == 1 else times(sizes)}


def activation(group):
    """What layers, of which all but the first only change values, apply.

    Parameters
    ----------
    group : list of lasagne.layers.Layer

    Returns
    -------
    str
        Such as 'Leaky ReLU 0.2'; '-' where all are linear.
    """
    functions = [getattr(layer, 'nonlinearity', linear) for layer in group]
    return (
        ', '.join(
            nonlinearity_name(function)
            for function in functions
            if function is not linear
        )
        or '-'
    )


def nonlinearity_name(function):
    """What a nonlinearity is called, such as 'Leaky ReLU 0.2'."""
    if isinstance(function, LeakyRectify):
        return f'Leaky ReLU {function.leakiness:g}'
    if function is rectify:
        return 'ReLU'
    # The others are called what they are: sigmoid, tanh, softmax.
    return getattr(function, '__name__', type(function).__name__)


def times(sizes):
    """Sizes as text, such as '5x5'."""
    return 'x'.join(map(str, sizes))
