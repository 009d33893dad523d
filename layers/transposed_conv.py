r"""Transposed convolutions in two and three dimensions.

A convolution with stride :math:`s`, filters :math:`W` and padding :math:`p`
is linear in its input, :math:`y = C_W x`. The transposed convolution is
:math:`x = C_W^T y`: the gradient of a convolution with respect to its input.
With stride 2 it doubles an image that the convolution halves, which is what
the thesis calls a deconvolution (Tables 2.2 and 2.3). In three dimensions
Lasagne had none in 2017, and the thesis wrote its own (section 2.4.1).
"""

import theano.tensor as T
from lasagne import init, nonlinearities
from theano.tensor.nnet import abstract_conv

from layers.conv import (
    BaseConvLayer,
    conv_input_length,
    conv_output_length,
    int_tuple,
    theano_border_mode,
)

__all__ = [
    'TransposedConv2DLayer',
    'Deconv2DLayer',
    'TransposedConv3DLayer',
    'Deconv3DLayer',
]


class BaseTransposedConvLayer(BaseConvLayer):
    """What the two share. See :class:`TransposedConv3DLayer`."""

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride,
        crop,
        untie_biases,
        W,
        b,
        nonlinearity,
        flip_filters,
        output_size,
        n,
        **kwargs,
    ):
        # The base class asks for the output shape, so this comes first.
        if isinstance(output_size, T.Variable):
            if output_size.ndim != 1:
                raise ValueError(
                    'a symbolic output_size must be a vector of '
                    f'{n} integers, got {output_size.ndim} dimensions'
                )
        elif output_size is not None:
            output_size = int_tuple(output_size, n)
        self.output_size = output_size
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            stride,
            crop,
            untie_biases,
            W,
            b,
            nonlinearity,
            flip_filters,
            n=n,
            **kwargs,
        )
        # What a convolution pads, its transpose crops.
        self.crop = self.pad
        del self.pad

    def get_W_shape(self):
        """Shape of the filters `W`.

        Returns
        -------
        tuple of int
            ``(num_input_channels, num_filters // num_groups)`` and the filter
            size: that of the convolution which this layer transposes.
        """
        return (
            self.input_shape[1],
            self.num_filters // self.num_groups,
        ) + self.filter_size

    def get_output_shape_for(self, input_shape):
        if isinstance(self.output_size, T.Variable):
            size = (None,) * self.n
        elif self.output_size is not None:
            size = self.output_size
        else:
            crop = self.crop if hasattr(self, 'crop') else self.pad
            size = self._lengths(conv_input_length, input_shape, crop)
        return (input_shape[0], self.num_filters) + size

    def _check_output_shape(self):
        super()._check_output_shape()
        if not isinstance(self.output_size, tuple):
            return
        # The convolution that is transposed must take output_size to the
        # input's size.
        sizes = self._lengths(conv_output_length, self.output_shape, self.pad)
        if any(
            known not in (size, None)
            for known, size in zip(self.input_shape[2:], sizes)
        ):
            least = self._lengths(
                conv_input_length, self.input_shape, self.pad
            )
            possible = ' x '.join(
                'any'
                if size is None
                else str(size)
                if stride == 1
                else f'{size} to {size + stride - 1}'
                for size, stride in zip(least, self.stride)
            )
            raise ValueError(
                f'output_size {self.output_size} is impossible for input '
                f'shape {self.input_shape!r} with filter size '
                f'{self.filter_size}, stride {self.stride} and crop '
                f'{self.pad!r}: it can be {possible}'
            )

    def convolve(self, input, **kwargs):
        size = self.output_shape[2:]
        if isinstance(self.output_size, T.Variable):
            size = tuple(self.output_size[i] for i in range(self.n))
        elif None in size:
            size = self.get_output_shape_for(input.shape)[2:]
        return self.gradient_wrt_inputs(
            input,
            self.W,
            (None, self.num_filters) + tuple(size),
            self.get_W_shape(),
            border_mode=theano_border_mode(self.crop),
            subsample=self.stride,
            filter_flip=not self.flip_filters,
            **self._groups(),
        )


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
        Stride of the convolution that is transposed: by how much this layer
        enlarges its input.
    crop : int, {n} ints, 'full', 'same' or 'valid'
        Padding of the convolution that is transposed, by which the output
        here is cropped on both sides: that many; ``filter_size - 1``;
        ``filter_size // 2`` (odd filters only); none.
    untie_biases : bool
        One bias for each channel and position rather than for each channel.
    W : shared variable, array or callable
        The filters or their initialiser, of shape ``(num_input_channels,
        num_filters, {sizes})``: input channels first, unlike those of a
        convolution.
    b : shared variable, array, callable or None
        The biases or their initialiser, of shape ``(num_filters,)`` or, for
        untied biases, ``(num_filters, {sizes})`` with the sizes of the
        output. None for no biases.
    nonlinearity : callable or None
        Applied to the output; None for a linear layer.
    flip_filters : bool
        The inverse of a convolution's: False (the default) transposes a
        convolution, True a correlation.
    output_size : int, {n} ints, symbolic vector or None
        Size of the output. At a stride of ``s``, ``s`` sizes of the input of
        a convolution give one size of its output, so its transpose has
        ``s`` to choose from, ``(input - 1) * s - 2 * crop + filter_size``
        and the next ``s - 1``; None takes the smallest.
    **kwargs
        ``num_groups`` (filter groups, by default 1) and what
        :class:`lasagne.layers.Layer` takes, such as `name`.

    Attributes
    ----------
    W, b : shared variable
        The filters, and the biases or None.

    Raises
    ------
    ValueError
        If the rank of the input does not fit, or `output_size` cannot be.
    NotImplementedError
        For ``crop='same'`` with an even filter size.

    Notes
    -----
    A layer that mirrors a convolution ``conv`` and shares its filters is
    ``{name}(network, conv.input_shape[1], conv.filter_size,
    stride=conv.stride, crop=conv.pad, W=conv.W,
    flip_filters=not conv.flip_filters, output_size=conv.input_shape[2:])``.

    References
    ----------
    .. [1] M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus (2010):
           Deconvolutional networks. CVPR.
    .. [2] V. Dumoulin, F. Visin (2016): A guide to convolution arithmetic
           for deep learning. arXiv:1603.07285, chapter 4.
"""


class TransposedConv2DLayer(BaseTransposedConvLayer):
    __doc__ = '2D transposed convolution.\n' + _PARAMETERS.format(
        n=2,
        input_shape='``(batch size, channels, rows, columns)``',
        sizes='rows, columns',
        name='TransposedConv2DLayer',
    )

    gradient_wrt_inputs = staticmethod(abstract_conv.conv2d_grad_wrt_inputs)

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=(1, 1),
        crop=0,
        untie_biases=False,
        W=init.GlorotUniform(),
        b=init.Constant(0.0),
        nonlinearity=nonlinearities.rectify,
        flip_filters=False,
        output_size=None,
        **kwargs,
    ):
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            stride,
            crop,
            untie_biases,
            W,
            b,
            nonlinearity,
            flip_filters,
            output_size,
            n=2,
            **kwargs,
        )


class TransposedConv3DLayer(BaseTransposedConvLayer):
    __doc__ = '3D transposed convolution.\n' + _PARAMETERS.format(
        n=3,
        input_shape='``(batch size, channels, depth, rows, columns)``',
        sizes='depth, rows, columns',
        name='TransposedConv3DLayer',
    )

    gradient_wrt_inputs = staticmethod(abstract_conv.conv3d_grad_wrt_inputs)

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=(1, 1, 1),
        crop=0,
        untie_biases=False,
        W=init.GlorotUniform(),
        b=init.Constant(0.0),
        nonlinearity=nonlinearities.rectify,
        flip_filters=False,
        output_size=None,
        **kwargs,
    ):
        super().__init__(
            incoming,
            num_filters,
            filter_size,
            stride,
            crop,
            untie_biases,
            W,
            b,
            nonlinearity,
            flip_filters,
            output_size,
            n=3,
            **kwargs,
        )


Deconv2DLayer = TransposedConv2DLayer
Deconv3DLayer = TransposedConv3DLayer
