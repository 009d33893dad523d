"""Two networks that are not the thesis's, written as other people write
Lasagne: a residual network that classifies images, and a U-Net that labels
the voxels of volumes.

This module does not know the engine: it passes the mode to
``theano.function``, as any program does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lasagne
import theano
import theano.tensor as T
from lasagne.init import HeNormal
from lasagne.layers import (
    ConcatLayer,
    DenseLayer,
    DimshuffleLayer,
    ElemwiseSumLayer,
    GlobalPoolLayer,
    InputLayer,
    Layer,
    NonlinearityLayer,
    ReshapeLayer,
    get_all_params,
    get_output,
)
from lasagne.nonlinearities import rectify, softmax
from lasagne.objectives import categorical_crossentropy
from network_sizes import BLOCKS, CLASSES, FILTERS

from layers import Conv2DLayer, Conv3DLayer, Deconv3DLayer, batch_norm


def build_resnet(width: float = 1) -> Layer:
    """Build a residual network of 20 layers for colour images of 32 x 32.

    Parameters
    ----------
    width : float
        Factor on every number of filters.

    Returns
    -------
    Layer
        From ``(None, 3, 32, 32)`` to probabilities of shape ``(None, 10)``.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun (2015): Deep residual learning for
           image recognition. arXiv:1512.03385, section 4.2, with option B
           for the shortcuts between sizes.
    """
    filters = [round(width * count) for count in FILTERS['resnet']]
    network = InputLayer((None, 3, 32, 32))
    network = batch_norm(_conv(network, filters[0], 3, 1, rectify))
    for i, count in enumerate(filters):
        for block in range(BLOCKS):
            network = _residual_block(
                network, count, stride=2 if i and not block else 1
            )
    return DenseLayer(
        GlobalPoolLayer(network), CLASSES['resnet'], nonlinearity=softmax
    )


def _residual_block(network, count, stride):
    shortcut = network
    network = batch_norm(_conv(network, count, 3, stride, rectify))
    network = batch_norm(_conv(network, count, 3, 1, None))
    if stride > 1:
        shortcut = batch_norm(_conv(shortcut, count, 1, stride, None))
    return NonlinearityLayer(ElemwiseSumLayer([network, shortcut]), rectify)


def _conv(network, count, size, stride, nonlinearity):
    return Conv2DLayer(
        network,
        count,
        size,
        stride,
        pad=size // 2,
        W=HeNormal('relu'),
        nonlinearity=nonlinearity,
        flip_filters=False,
    )


def build_unet3d(
    depth: int = 32, rows: int = 64, columns: int = 64, width: float = 1
) -> Layer:
    """Build a U-Net in three dimensions.

    Parameters
    ----------
    depth, rows, columns : int
        Size of the volumes, multiples of 4.
    width : float
        Factor on every number of filters.

    Returns
    -------
    Layer
        From ``(None, 1, depth, rows, columns)`` to the probabilities of four
        classes for each voxel, of shape ``(voxels, 4)``.

    References
    ----------
    .. [1] Ö. Çiçek, A. Abdulkadir, S. S. Lienkamp, T. Brox, O. Ronneberger
           (2016): 3D U-Net: Learning dense volumetric segmentation from
           sparse annotation. arXiv:1606.06650. Here, as in the V-Net,
           convolutions of stride 2 replace its pooling.
    """
    filters = [round(width * count) for count in FILTERS['unet3d']]
    network = InputLayer((None, 1, depth, rows, columns))
    skipped = []
    for count in filters[:-1]:
        network = _double_conv(network, count)
        skipped.append(network)
        network = batch_norm(
            Conv3DLayer(network, count, 2, stride=2, W=HeNormal('relu'))
        )
    network = _double_conv(network, filters[-1])
    for skip, count in zip(reversed(skipped), reversed(filters[:-1])):
        network = Deconv3DLayer(
            network, count, 2, stride=2, W=HeNormal('relu')
        )
        network = _double_conv(ConcatLayer([skip, network]), count)
    network = Conv3DLayer(network, CLASSES['unet3d'], 1, nonlinearity=None)
    # Theano's softmax takes matrices only.
    network = DimshuffleLayer(network, (0, 2, 3, 4, 1))
    network = ReshapeLayer(network, (-1, CLASSES['unet3d']))
    return NonlinearityLayer(network, softmax)


def _double_conv(network, count):
    for _ in range(2):
        network = batch_norm(
            Conv3DLayer(network, count, 3, pad=1, W=HeNormal('relu'))
        )
    return network


def compile_resnet(
    network: Layer,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    mode: Any = None,
) -> Callable[..., Any]:
    """Compile a training step with Nesterov momentum.

    Parameters
    ----------
    network : Layer
        From :func:`build_resnet`.
    learning_rate, momentum : float
    mode : theano.compile.Mode, str or None

    Returns
    -------
    theano function
        Takes images, float32, shape ``(n, 3, 32, 32)``, and their classes,
        int32, shape ``(n,)``. Returns the mean cross-entropy before the step.
    """
    return _compile(
        network,
        T.tensor4('x'),
        T.ivector('y'),
        mode,
        lasagne.updates.nesterov_momentum,
        learning_rate,
        momentum,
    )


def compile_unet3d(
    network: Layer, learning_rate: float = 1e-3, mode: Any = None
) -> Callable[..., Any]:
    """Compile a training step with Adam.

    Parameters
    ----------
    network : Layer
        From :func:`build_unet3d`.
    learning_rate : float
    mode : theano.compile.Mode, str or None

    Returns
    -------
    theano function
        Takes volumes, float32, shape ``(n, 1, depth, rows, columns)``, and
        the classes of their voxels, int32, shape ``(n, depth, rows,
        columns)``. Returns the mean cross-entropy before the step.
    """
    return _compile(
        network,
        T.tensor5('x'),
        T.TensorType('int32', (False,) * 4)('y'),
        mode,
        lasagne.updates.adam,
        learning_rate,
    )


def _compile(network, x, y, mode, update, *hyperparameters):
    loss = categorical_crossentropy(get_output(network, x), y.flatten()).mean()
    parameters = get_all_params(network, trainable=True)
    return theano.function(
        [x, y],
        loss,
        mode=mode,
        updates=update(loss, parameters, *hyperparameters),
    )
