"""Convolutional layers in two and three dimensions.

Lasagne 0.1 has no 3D convolution on the CPU, and its 2D convolution pads by
copying the input and cannot correlate (``flip_filters``). Interface and
parameters of the classes here are those of Lasagne 0.2.dev1.
"""

import numpy as np
import theano.tensor as T
from lasagne import init, nonlinearities
from lasagne.layers import Layer

__all__ = ['Conv2DLayer', 'Conv3DLayer']


def conv_output_length(input_length, filter_size, stride, pad=0):
    """Length along one axis of the output of a convolution.

    Parameters
    ----------
    input_length : int, symbolic scalar or None
        Length of the input along this axis.
    filter_size, stride : int
        Length of the filter and step between its positions.
    pad : int, 'valid', 'full' or 'same'
        Zeros added on both sides: that many; none; ``filter_size - 1``;
        ``filter_size // 2``.

    Returns
    -------
    int, symbolic scalar or None
        ``(input_length + 2 * pad - filter_size) // stride + 1``; None for an
        `input_length` of None.

    Raises
    ------
    ValueError
        For any other `pad`.
    """
    if input_length is None:
        return None
    pad = pad_length(pad, filter_size)
    return (input_length + 2 * pad - filter_size) // stride + 1


def conv_input_length(output_length, filter_size, stride, pad=0):
    """Shortest input of a convolution that gives an output of this length,
    which is the length of the output of the transposed convolution.

    Parameters
    ----------
    output_length : int, symbolic scalar or None
        Length of the convolution's output along this axis.
    filter_size, stride, pad
        As for :func:`conv_output_length`.

    Returns
    -------
    int, symbolic scalar or None
        ``(output_length - 1) * stride - 2 * pad + filter_size``. Inputs that
        are up to ``stride - 1`` longer give the same output length. None for
        an `output_length` of None.

    Raises
    ------
    ValueError
        For any other `pad`.
    """
    if output_length is None:
        return None
    pad = pad_length(pad, filter_size)
    return (output_length - 1) * stride - 2 * pad + filter_size


def pad_length(pad, filter_size):
    """Zeros that `pad` adds on each side of an axis, as an int."""
    if isinstance(pad, (int, np.integer)):
        return pad
    try:
        return {'valid': 0, 'full': filter_size - 1, 'same': filter_size // 2}[
            pad
        ]
    except (KeyError, TypeError):
        raise ValueError(f'Invalid pad: {pad}')


def int_tuple(value, n):
    """`value`, an int or n ints, as a tuple of n Python ints.

    Raises
    ------
    TypeError, ValueError
        In the words of Lasagne's ``as_tuple`` for what are no ints, and for
        another number of them.
    """
    try:
        values = tuple(value)
    except TypeError:
        values = (value,) * n
    if not all(isinstance(v, (int, np.integer)) for v in values):
        raise TypeError(
            'expected a single value or an iterable of int, '
            f'got {value} instead'
        )
    if len(values) != n:
        raise ValueError(
            'expected a single value or an iterable with length '
            f'{n}, got {value} instead'
        )
    return tuple(int(v) for v in values)


class BaseConvLayer(Layer):
    """What all (transposed) convolutions share.

    Subclasses say how to convolve (:meth:`convolve`), and the transposed ones
    which shapes follow. See :class:`Conv3DLayer` for the parameters; `n` is
    the number of spatial dimensions, by default that of the input.

    Raises
    ------
    ValueError
        If the input has not `n` spatial dimensions, a size makes no sense, or
        `num_groups` does not divide both numbers of channels.
    NotImplementedError
        For ``pad='same'`` with an even filter size: it has no centre.
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
        if n is None:
            n = len(self.input_shape) - 2
        elif n != len(self.input_shape) - 2:
            raise ValueError(
                f'Tried to create a {n}D convolution layer with input shape '
                f'{self.input_shape!r}. Expected {n + 2} input dimensions '
                f'(batchsize, channels, {n} spatial dimensions).'
            )
        self.n = n
        self.num_filters = num_filters
        self.filter_size = int_tuple(filter_size, n)
        self.stride = int_tuple(stride, n)
        self.flip_filters = flip_filters
        self.untie_biases = untie_biases
        self.pad = self._checked_pad(pad)
        if min(self.filter_size + self.stride) < 1:
            raise ValueError(
                'filter_size and stride must be positive, got '
                f'{self.filter_size} and {self.stride}'
            )
        if self.input_shape[1] is None:
            raise ValueError(
                'A convolution needs to know the number of '
                'channels of its input, got input shape '
                f'{self.input_shape!r}'
            )
        if (
            num_groups <= 0
            or num_filters % num_groups
            or self.input_shape[1] % num_groups
        ):
            raise ValueError(
                f'num_groups (here: {num_groups}) must be positive and '
                'evenly divide the number of input and output channels '
                f'(here: {self.input_shape[1]} and {num_filters})'
            )
        self.num_groups = num_groups
        self._check_output_shape()

        self.W = self.add_param(W, self.get_W_shape(), name='W')
        if b is None:
            self.b = None
        else:
            shape = (num_filters,)
            if untie_biases:
                shape += self.output_shape[2:]
                if None in shape:
                    raise ValueError(
                        'untie_biases needs an output of known size, here '
                        f'it is {self.output_shape!r}'
                    )
            self.b = self.add_param(b, shape, name='b', regularizable=False)

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

    def _check_output_shape(self):
        if any(
            size is not None and size < 1 for size in self.output_shape[2:]
        ):
            raise ValueError(
                f'{type(self).__name__} would have an empty output, of shape '
                f'{self.output_shape!r}, for input shape '
                f'{self.input_shape!r}'
            )

    def get_W_shape(self):
        """Shape of the filters `W`.

        Returns
        -------
        tuple of int
            ``(num_filters, num_input_channels // num_groups)`` and the filter
            size.
        """
        return (
            self.num_filters,
            self.input_shape[1] // self.num_groups,
        ) + self.filter_size

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], self.num_filters) + self._lengths(
            conv_output_length, input_shape, self.pad
        )

    def _lengths(self, length, input_shape, pad):
        """`length`, one of the two functions above, along each axis."""
        pad = pad if isinstance(pad, tuple) else (pad,) * self.n
        return tuple(
            map(length, input_shape[2:], self.filter_size, self.stride, pad)
        )

    def get_output_for(self, input, **kwargs):
        activation = self.convolve(input, **kwargs)
        if self.b is not None:
            activation += (
                T.shape_padleft(self.b, 1)
                if self.untie_biases
                else self.b.dimshuffle(('x', 0) + ('x',) * self.n)
            )
        return self.nonlinearity(activation)

    def convolve(self, input, **kwargs):
        """The convolution of `input` with `W`, a tensor of `output_shape`,
        before bias and nonlinearity.
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
        # Left out when there is one, for a user's own `convolution` that
        # knows nothing of groups.
        return {} if self.num_groups == 1 else {'num_groups': self.num_groups}


def theano_border_mode(pad):
    """Lasagne's `pad` in Theano's words."""
    return 'half' if pad == 'same' else pad


_PARAMETERS = """
    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this one, or its output shape: {input_shape}.
        The batch size and the spatial sizes may be None.
    num_filters : int
        Number of filters, and of channels of the output.
    filter_size : int or {n} ints
        Size of the filters.
    stride : int or {n} ints
        Step between filter positions.
    pad : int, {n} ints, 'full', 'same' or 'valid'
        Zeros added on both sides of each axis: that many; ``filter_size - 1``;
        ``filter_size // 2`` (odd filters only: the output is as large as the
        input at stride 1); none.
    untie_biases : bool
        One bias for each channel and position rather than for each channel.
    W : shared variable, array or callable
        The filters or their initialiser, of shape ``(num_filters,
        num_input_channels, {sizes})``.
    b : shared variable, array, callable or None
        The biases or their initialiser, of shape ``(num_filters,)`` or, for
        untied biases, ``(num_filters, {sizes})`` with the sizes of the
        output. None for no biases.
    nonlinearity : callable or None
        Applied to the output; None for a linear layer.
    flip_filters : bool
        True for a convolution, False for a correlation.
    convolution : callable
        What convolves, by default ``{function}``.
    **kwargs
        ``num_groups`` (filter groups, by default 1) and what
        :class:`lasagne.layers.Layer` takes, such as `name`.

    Attributes
    ----------
    W, b : shared variable
        The filters, and the biases or None.
"""


class Conv2DLayer(BaseConvLayer):
    __doc__ = '2D convolution.\n' + _PARAMETERS.format(
        n=2,
        input_shape='``(batch size, channels, rows, columns)``',
        sizes='rows, columns',
        function='theano.tensor.nnet.conv2d',
    )

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
    __doc__ = '3D convolution.\n' + _PARAMETERS.format(
        n=3,
        input_shape='``(batch size, channels, depth, rows, columns)``',
        sizes='depth, rows, columns',
        function='theano.tensor.nnet.conv3d',
    )

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
