"""Convolutional layers in two and three dimensions.

Lasagne 0.1 has no 3D convolution for the CPU. Its 2D convolution copies the
input to pad it, and has no ``flip_filters`` to compute a correlation instead.
The classes here have the interface and the parameters of Lasagne 0.2.dev1.
"""

from __future__ import annotations

import theano.tensor as T
from lasagne import init, nonlinearities

from layers.base import BaseConvLayer

__all__ = ['Conv2DLayer', 'Conv3DLayer']


class Conv2DLayer(BaseConvLayer):
    """2D convolutional layer.

    Performs a 2D convolution on its input, adds a bias and applies an
    elementwise nonlinearity.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape
        ``(batch_size, num_input_channels, input_rows, input_columns)``. The
        batch size and the spatial sizes may be None.
    num_filters : int
        The number of learnable convolutional filters.
    filter_size : int or iterable of 2 ints
        The size of the filters.
    stride : int or iterable of 2 ints
        The step between filter positions.
    pad : int, iterable of 2 ints, 'full', 'same' or 'valid' (default: 0)
        The number of zeros added on both sides of each axis. 'full' adds
        ``filter_size - 1``. 'same' adds ``filter_size // 2``, so that the
        output is as large as the input for a stride of 1; it requires an odd
        filter size. 'valid' adds none.
    untie_biases : bool (default: False)
        If False, the layer has one bias per channel. If True, it has one per
        channel and position.
    W : Theano shared variable, expression, numpy array or callable
        The filters or their initialiser, of shape ``(num_filters,
        num_input_channels, filter_rows, filter_columns)``.
    b : Theano shared variable, expression, numpy array, callable or None
        The biases or their initialiser, of shape ``(num_filters,)`` or, if
        untied, ``(num_filters, output_rows, output_columns)``. None for a
        layer without biases.
    nonlinearity : callable or None
        The nonlinearity applied to the output. None for a linear layer.
    flip_filters : bool (default: True)
        Whether to flip the filters, which computes a convolution, or not,
        which computes a correlation.
    convolution : callable
        The function that convolves, ``theano.tensor.nnet.conv2d`` by default.
    **kwargs
        ``num_groups``, the number of filter groups (default: 1), and keyword
        arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Attributes
    ----------
    W : Theano shared variable
        The filters.
    b : Theano shared variable or None
        The biases.

    Notes
    -----
    With stride `s`, padding `p` and the nonlinearity ``g``, output channel
    `f` at position `i` is::

        y[f, i] = g(b[f] + sum over c, k of x[c, s * i + k - p] * V[f, c, k])

    where `i` and `k` have two components each, ``V`` is `W` with its spatial
    axes reversed (for ``flip_filters=True``), and `x` is 0 outside of the
    input. An axis of length `n` becomes ``(n + 2 * p - k) // s + 1`` long with
    filters of size `k` [1]_.

    Examples
    --------
    The first convolution of the thesis's encoder (Table 2.1) halves the size:

    >>> from lasagne.layers import InputLayer
    >>> from layers import Conv2DLayer
    >>> images = InputLayer((None, 1, 64, 64))
    >>> Conv2DLayer(images, 64, 5, stride=2, pad=2).output_shape
    (None, 64, 32, 32)

    References
    ----------
    .. [1] V. Dumoulin, F. Visin (2016): A guide to convolution arithmetic
           for deep learning. arXiv:1603.07285.
    """

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=(1, 1),
        pad=0,
        untie_biases=False,
        W=init.GlorotUniform(),
        b=init.Constant(0.0),
        nonlinearity=nonlinearities.rectify,
        flip_filters=True,
        convolution=T.nnet.conv2d,
        **kwargs,
    ):
        self.convolution = convolution
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            stride,
            pad,
            untie_biases,
            W,
            b,
            nonlinearity,
            flip_filters,
            n=2,
            **kwargs,
        )


class Conv3DLayer(BaseConvLayer):
    """3D convolutional layer.

    Performs a 3D convolution on its input, adds a bias and applies an
    elementwise nonlinearity.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape
        ``(batch_size, num_input_channels, input_depth, input_rows,
        input_columns)``. The batch size and the spatial sizes may be None.
    num_filters : int
        The number of learnable convolutional filters.
    filter_size : int or iterable of 3 ints
        The size of the filters.
    stride : int or iterable of 3 ints
        The step between filter positions.
    pad : int, iterable of 3 ints, 'full', 'same' or 'valid' (default: 0)
        The number of zeros added on both sides of each axis. 'full' adds
        ``filter_size - 1``. 'same' adds ``filter_size // 2``, so that the
        output is as large as the input for a stride of 1; it requires an odd
        filter size. 'valid' adds none.
    untie_biases : bool (default: False)
        If False, the layer has one bias per channel. If True, it has one per
        channel and position.
    W : Theano shared variable, expression, numpy array or callable
        The filters or their initialiser, of shape ``(num_filters,
        num_input_channels, filter_depth, filter_rows, filter_columns)``.
    b : Theano shared variable, expression, numpy array, callable or None
        The biases or their initialiser, of shape ``(num_filters,)`` or, if
        untied, ``(num_filters, output_depth, output_rows, output_columns)``.
        None for a layer without biases.
    nonlinearity : callable or None
        The nonlinearity applied to the output. None for a linear layer.
    flip_filters : bool (default: True)
        Whether to flip the filters, which computes a convolution, or not,
        which computes a correlation.
    convolution : callable or None
        The function that convolves. None takes ``theano.tensor.nnet.conv3d``.
    **kwargs
        ``num_groups``, the number of filter groups (default: 1), and keyword
        arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Attributes
    ----------
    W : Theano shared variable
        The filters.
    b : Theano shared variable or None
        The biases.

    Notes
    -----
    The formulas of :class:`Conv2DLayer` hold with three spatial axes instead
    of two [1]_.

    Examples
    --------
    The first convolution of the thesis's 3D encoder halves the size:

    >>> from lasagne.layers import InputLayer
    >>> from layers import Conv3DLayer
    >>> volumes = InputLayer((None, 1, 160, 64, 64))
    >>> Conv3DLayer(volumes, 64, 5, stride=2, pad=2).output_shape
    (None, 64, 80, 32, 32)

    References
    ----------
    .. [1] V. Dumoulin, F. Visin (2016): A guide to convolution arithmetic
           for deep learning. arXiv:1603.07285.
    """

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=(1, 1, 1),
        pad=0,
        untie_biases=False,
        W=init.GlorotUniform(),
        b=init.Constant(0.0),
        nonlinearity=nonlinearities.rectify,
        flip_filters=True,
        convolution=None,
        **kwargs,
    ):
        self.convolution = convolution or T.nnet.conv3d
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            stride,
            pad,
            untie_biases,
            W,
            b,
            nonlinearity,
            flip_filters,
            n=3,
            **kwargs,
        )
