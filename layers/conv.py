"""Convolutional layers in two and three dimensions.

Lasagne 0.1 has no 3D convolution for the CPU. Its 2D convolution copies the
input to pad it, and has no ``flip_filters`` to compute a correlation instead.
The classes here have the interface and the parameters of Lasagne 0.2.dev1.
"""

from __future__ import annotations

import theano.tensor as T
from lasagne import init, nonlinearities
from lasagne.layers import Layer

from layers.lengths import conv_output_length, int_tuple

__all__ = ['Conv2DLayer', 'Conv3DLayer']


class BaseConvLayer(Layer):
    """Base class of the convolutions and the transposed convolutions.

    A subclass implements :meth:`convolve`. A transposed convolution also
    overrides the methods that compute shapes.

    Parameters
    ----------
    incoming, num_filters, filter_size, stride, pad, untie_biases, W, b, \
nonlinearity, flip_filters
        As in :class:`Conv3DLayer`.
    num_groups : int
        Number of groups that the channels and the filters are divided into.
        Each group of filters sees only its own group of channels.
    n : int or None
        Number of spatial dimensions. None takes that of the input.

    Raises
    ------
    ValueError
        If the input does not have `n` spatial dimensions, if a size is
        impossible, or if `num_groups` does not divide both the number of
        input channels and `num_filters`.
    NotImplementedError
        If `pad` is 'same' and the filter size is even, since such a filter
        has no centre.
    """

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=1,
        pad=0,
        untie_biases=False,
        W=init.GlorotUniform(),
        b=init.Constant(0.0),
        nonlinearity=nonlinearities.rectify,
        flip_filters=True,
        num_groups=1,
        n=None,
        **kwargs,
    ):
        super().__init__(incoming, **kwargs)
        self.nonlinearity = (
            nonlinearities.identity if nonlinearity is None else nonlinearity
        )
        self.n = len(self.input_shape) - 2 if n is None else n
        self._check_input_dimensions()
        self.num_filters = num_filters
        self.filter_size = int_tuple(filter_size, self.n)
        self.stride = int_tuple(stride, self.n)
        self.flip_filters = flip_filters
        self.untie_biases = untie_biases
        self.pad = self._checked_pad(pad)
        self.num_groups = num_groups
        self._check_sizes()
        self._check_groups()
        self._check_output_shape()

        self.W = self.add_param(W, self.get_W_shape(), name='W')
        if b is None:
            self.b = None
        else:
            self.b = self.add_param(
                b, self._bias_shape(), name='b', regularizable=False
            )

    def _check_input_dimensions(self):
        if len(self.input_shape) != self.n + 2:
            raise ValueError(
                f'Tried to create a {self.n}D convolution layer with input '
                f'shape {self.input_shape!r}. Expected {self.n + 2} input '
                f'dimensions (batchsize, channels, {self.n} spatial '
                'dimensions).'
            )

    def _checked_pad(self, pad):
        if isinstance(pad, str) and pad == 'valid':
            return (0,) * self.n
        if isinstance(pad, str) and pad in ('full', 'same'):
            if pad == 'same' and any(
                size % 2 == 0 for size in self.filter_size
            ):
                raise NotImplementedError(
                    '`same` padding requires odd filter size.'
                )
            return pad
        pad = int_tuple(pad, self.n)
        if min(pad) < 0:
            raise ValueError(f'pad and crop cannot be negative, got {pad}')
        return pad

    def _check_sizes(self):
        if min(self.filter_size + self.stride) < 1:
            raise ValueError(
                'filter_size and stride must be positive, got '
                f'{self.filter_size} and {self.stride}'
            )

    def _check_groups(self):
        channels = self.input_shape[1]
        if channels is None:
            raise ValueError(
                'A convolution needs to know the number of channels of its '
                f'input, got input shape {self.input_shape!r}'
            )
        if (
            self.num_groups <= 0
            or self.num_filters % self.num_groups
            or channels % self.num_groups
        ):
            raise ValueError(
                f'num_groups (here: {self.num_groups}) must be positive and '
                'evenly divide the number of input and output channels '
                f'(here: {channels} and {self.num_filters})'
            )

    def _check_output_shape(self):
        if any(
            size is not None and size < 1 for size in self.output_shape[2:]
        ):
            raise ValueError(
                f'{type(self).__name__} would have an empty output of shape '
                f'{self.output_shape!r} for input shape {self.input_shape!r}'
            )

    def _bias_shape(self):
        if not self.untie_biases:
            return (self.num_filters,)
        size = self.output_shape[2:]
        if None in size:
            raise ValueError(
                'untie_biases needs an output of known size, got output '
                f'shape {self.output_shape!r}'
            )
        return (self.num_filters,) + size

    def get_W_shape(self) -> tuple[int, ...]:  # noqa: N802, Lasagne's name
        """Return the shape of the filters `W`.

        Returns
        -------
        tuple of int
            ``(num_filters, num_input_channels // num_groups)``, followed by
            the filter size.
        """
        channels = self.input_shape[1] // self.num_groups
        return (self.num_filters, channels) + self.filter_size

    def get_output_shape_for(self, input_shape):
        """Return the output shape for an input of this shape.

        Parameters
        ----------
        input_shape : tuple of int, None or symbolic scalar
            Batch size, channels and sizes.

        Returns
        -------
        tuple of int, None or symbolic scalar
            Batch size, `num_filters` and sizes.
        """
        return (input_shape[0], self.num_filters) + self._lengths(
            conv_output_length, input_shape, self.pad
        )

    def _lengths(self, function, input_shape, pad):
        """Apply a function of :mod:`layers.lengths` along each axis."""
        pad = pad if isinstance(pad, tuple) else (pad,) * self.n
        return tuple(
            map(function, input_shape[2:], self.filter_size, self.stride, pad)
        )

    def get_output_for(self, input, **kwargs):
        """Return the layer's output for a symbolic input.

        Parameters
        ----------
        input : tensor
            A minibatch whose shape matches `input_shape`.

        Returns
        -------
        tensor
            Its shape matches `output_shape`.
        """
        activation = self.convolve(input, **kwargs)
        if self.b is None:
            return self.nonlinearity(activation)
        if self.untie_biases:
            bias = T.shape_padleft(self.b, 1)
        else:
            bias = self.b.dimshuffle(('x', 0) + ('x',) * self.n)
        return self.nonlinearity(activation + bias)

    def convolve(self, input, **kwargs):
        """Convolve `input` with `W`, before bias and nonlinearity.

        Parameters
        ----------
        input : tensor
            A minibatch whose shape matches `input_shape`.

        Returns
        -------
        tensor
            Its shape matches `output_shape`.
        """
        return self.convolution(
            input,
            self.W,
            self.input_shape,
            self.get_W_shape(),
            subsample=self.stride,
            border_mode=theano_border_mode(self.pad),
            filter_flip=self.flip_filters,
            **self._groups(),
        )

    def _groups(self):
        # A user's own `convolution` need not know of groups, so it is told
        # only where there are several.
        return {} if self.num_groups == 1 else {'num_groups': self.num_groups}


def theano_border_mode(pad):
    """Translate Lasagne's `pad` into Theano's `border_mode`."""
    return 'half' if pad == 'same' else pad


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
