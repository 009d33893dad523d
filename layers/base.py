"""Base class of the convolutional and the transposed convolutional layers."""

from __future__ import annotations

import theano.tensor as T
from lasagne import init, nonlinearities
from lasagne.layers import Layer

from layers.lengths import (
    conv_output_length,
    int_tuple,
    integer,
    integer_shape,
)


class BaseConvLayer(Layer):
    """Base class of the convolutions and the transposed convolutions.

    A subclass sets the attribute `convolution`, the function that convolves,
    or overrides :meth:`convolve`. A transposed convolution also overrides the
    methods that compute shapes.

    Parameters
    ----------
    incoming, num_filters, filter_size, stride, pad, untie_biases, W, b, \
nonlinearity, flip_filters
        As in :class:`layers.Conv3DLayer`.
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
    TypeError
        If a size or a number is not an integer.
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
        self.input_shape = integer_shape(self.input_shape)
        self.nonlinearity = (
            nonlinearities.identity if nonlinearity is None else nonlinearity
        )
        self.n = len(self.input_shape) - 2 if n is None else n
        self._check_input_dimensions()
        self.num_filters = integer(num_filters, 'num_filters')
        self.filter_size = int_tuple(filter_size, self.n)
        self.stride = int_tuple(stride, self.n)
        self.flip_filters = flip_filters
        self.untie_biases = untie_biases
        self.pad = self._checked_pad(pad)
        self.num_groups = integer(num_groups, 'num_groups')
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
