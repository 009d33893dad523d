"""Transposed convolutional layers in two and three dimensions.

A convolution with stride `s`, filters `W` and padding `p` is linear in its
input: ``y = C x`` with a matrix C of elements of `W`. The transposed
convolution is ``x = C^T y``. It equals the gradient of the convolution with
respect to its input, which is how it is computed here.

With a stride of 2 it doubles the size of an image that the convolution
halves. The thesis calls this a deconvolution (Tables 2.2 and 2.3). Lasagne had
no 3D transposed convolution in 2017, so the thesis wrote its own
(section 2.4.1).
"""

from __future__ import annotations

import theano.tensor as T
from lasagne import init, nonlinearities
from theano.tensor.nnet import abstract_conv

from layers.base import BaseConvLayer, theano_border_mode
from layers.lengths import conv_input_length, conv_output_length, int_tuple

__all__ = [
    'TransposedConv2DLayer',
    'Deconv2DLayer',
    'TransposedConv3DLayer',
    'Deconv3DLayer',
]


class BaseTransposedConvLayer(BaseConvLayer):
    """Base class of the two transposed convolutions.

    See :class:`TransposedConv3DLayer` for the parameters.
    """

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
        # The base class computes the output shape, which depends on
        # output_size, so output_size has to be set first.
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
        # The padding of a convolution is the cropping of its transpose.
        self.crop = self.pad
        del self.pad

    def get_W_shape(self) -> tuple[int, ...]:  # noqa: N802, Lasagne's name
        """Return the shape of the filters `W`.

        Returns
        -------
        tuple of int
            ``(num_input_channels, num_filters // num_groups)``, followed by
            the filter size. These are the filters of the underlying
            convolution.
        """
        filters = self.num_filters // self.num_groups
        return (self.input_shape[1], filters) + self.filter_size

    def get_output_shape_for(self, input_shape):
        """Return the output shape for an input of this shape.

        Parameters
        ----------
        input_shape : tuple of int, None or symbolic scalar
            Batch size, channels and sizes.

        Returns
        -------
        tuple of int, None or symbolic scalar
            Batch size, `num_filters` and sizes. The sizes are None if
            `output_size` is symbolic.
        """
        if isinstance(self.output_size, T.Variable):
            size = (None,) * self.n
        elif self.output_size is not None:
            size = self.output_size
        else:
            # The base class's __init__ calls this before `pad` is renamed.
            crop = self.crop if hasattr(self, 'crop') else self.pad
            size = self._lengths(conv_input_length, input_shape, crop)
        return (input_shape[0], self.num_filters) + size

    def _check_output_shape(self):
        super()._check_output_shape()
        if not isinstance(self.output_size, tuple):
            return
        # The underlying convolution must map the output's size back to the
        # input's.
        sizes = self._lengths(conv_output_length, self.output_shape, self.pad)
        if any(
            known not in (size, None)
            for known, size in zip(self.input_shape[2:], sizes)
        ):
            raise ValueError(
                f'output_size {self.output_size} is impossible for input '
                f'shape {self.input_shape!r} with filter size '
                f'{self.filter_size}, stride {self.stride} and crop '
                f'{self.pad!r}: it can be {self._possible_sizes()}'
            )

    def _possible_sizes(self):
        """Describe the possible sizes, such as '31 to 32 x any'."""
        smallest = self._lengths(conv_input_length, self.input_shape, self.pad)
        ranges = []
        for size, stride in zip(smallest, self.stride):
            if size is None:
                ranges.append('any')
            elif stride == 1:
                ranges.append(str(size))
            else:
                ranges.append(f'{size} to {size + stride - 1}')
        return ' x '.join(ranges)

    def convolve(self, input, **kwargs):
        """Apply the transposed convolution, before bias and nonlinearity.

        Parameters
        ----------
        input : tensor
            A minibatch whose shape matches `input_shape`.

        Returns
        -------
        tensor
            Its shape matches `output_shape`.
        """
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


class TransposedConv2DLayer(BaseTransposedConvLayer):
    """2D transposed convolutional layer.

    Performs the transpose of a 2D convolution on its input, adds a bias and
    applies an elementwise nonlinearity. Also called a deconvolution [1]_ or a
    fractionally strided convolution.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape
        ``(batch_size, num_input_channels, input_rows, input_columns)``. The
        batch size and the spatial sizes may be None.
    num_filters : int
        The number of learnable filters, and of output channels.
    filter_size : int or iterable of 2 ints
        The size of the filters.
    stride : int or iterable of 2 ints
        The stride of the underlying convolution, which is the factor by which
        this layer enlarges its input.
    crop : int, iterable of 2 ints, 'full', 'same' or 'valid' (default: 0)
        The padding of the underlying convolution, by which this layer crops
        its output on both sides of each axis. 'full' crops
        ``filter_size - 1``. 'same' crops ``filter_size // 2`` and requires an
        odd filter size. 'valid' crops nothing.
    untie_biases : bool (default: False)
        If False, the layer has one bias per channel. If True, it has one per
        channel and position.
    W : Theano shared variable, expression, numpy array or callable
        The filters or their initialiser, of shape ``(num_input_channels,
        num_filters, filter_rows, filter_columns)``. Input channels come
        first, unlike in a convolution.
    b : Theano shared variable, expression, numpy array, callable or None
        The biases or their initialiser, of shape ``(num_filters,)`` or, if
        untied, ``(num_filters, output_rows, output_columns)``. None for a
        layer without biases.
    nonlinearity : callable or None
        The nonlinearity applied to the output. None for a linear layer.
    flip_filters : bool (default: False)
        The opposite of a convolution's parameter: False transposes a
        convolution, True a correlation.
    output_size : int, iterable of 2 ints, symbolic vector or None
        The size of the output. With a stride of ``s``, a convolution maps
        ``s`` input sizes to the same output size, so that its transpose can
        restore any of them: ``(input - 1) * s - 2 * crop + filter_size`` and
        the next ``s - 1``. None takes the smallest.
    **kwargs
        ``num_groups``, the number of filter groups (default: 1), and keyword
        arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Attributes
    ----------
    W : Theano shared variable
        The filters.
    b : Theano shared variable or None
        The biases.

    Raises
    ------
    ValueError
        If the input does not have two spatial dimensions, or if `output_size`
        is impossible.
    NotImplementedError
        If `crop` is 'same' and the filter size is even.

    Notes
    -----
    Each input value spreads a filter over the output. With stride `s`, crop
    `p` and the nonlinearity ``g``, output channel `f` at position `j` is the
    sum of what reaches it [2]_::

        x[f, j] = g(b[f] + sum over c and all i, k with s * i + k - p = j
                           of y[c, i] * V[c, f, k])

    where `i`, `j` and `k` have two components each, and ``V`` is `W` with its
    spatial axes reversed (for ``flip_filters=False``). An axis of length `n`
    becomes ``(n - 1) * s - 2 * p + k`` long with filters of size `k`.

    A layer that mirrors a convolution ``conv`` and shares its filters is
    ``TransposedConv2DLayer(network, conv.input_shape[1], conv.filter_size,
    stride=conv.stride, crop=conv.pad, W=conv.W,
    flip_filters=not conv.flip_filters, output_size=conv.input_shape[2:])``.

    Examples
    --------
    Filters of size 4 with stride 2 and crop 1 double the size, as in the
    thesis's decoder (Table 2.2):

    >>> from lasagne.layers import InputLayer
    >>> from layers import TransposedConv2DLayer
    >>> images = InputLayer((None, 256, 4, 4))
    >>> TransposedConv2DLayer(images, 256, 4, stride=2, crop=1).output_shape
    (None, 256, 8, 8)

    Filters of size 5 double it only if told to:

    >>> TransposedConv2DLayer(images, 256, 5, stride=2, crop=2).output_shape
    (None, 256, 7, 7)
    >>> TransposedConv2DLayer(images, 256, 5, stride=2, crop=2,
    ...                       output_size=8).output_shape
    (None, 256, 8, 8)

    References
    ----------
    .. [1] M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus (2010):
           Deconvolutional networks. CVPR.
    .. [2] V. Dumoulin, F. Visin (2016): A guide to convolution arithmetic
           for deep learning. arXiv:1603.07285, chapter 4.
    """

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
    """3D transposed convolutional layer.

    Performs the transpose of a 3D convolution on its input, adds a bias and
    applies an elementwise nonlinearity. Also called a deconvolution [1]_ or a
    fractionally strided convolution.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape
        ``(batch_size, num_input_channels, input_depth, input_rows,
        input_columns)``. The batch size and the spatial sizes may be None.
    num_filters : int
        The number of learnable filters, and of output channels.
    filter_size : int or iterable of 3 ints
        The size of the filters.
    stride : int or iterable of 3 ints
        The stride of the underlying convolution, which is the factor by which
        this layer enlarges its input.
    crop : int, iterable of 3 ints, 'full', 'same' or 'valid' (default: 0)
        The padding of the underlying convolution, by which this layer crops
        its output on both sides of each axis. 'full' crops
        ``filter_size - 1``. 'same' crops ``filter_size // 2`` and requires an
        odd filter size. 'valid' crops nothing.
    untie_biases : bool (default: False)
        If False, the layer has one bias per channel. If True, it has one per
        channel and position.
    W : Theano shared variable, expression, numpy array or callable
        The filters or their initialiser, of shape ``(num_input_channels,
        num_filters, filter_depth, filter_rows, filter_columns)``. Input
        channels come first, unlike in a convolution.
    b : Theano shared variable, expression, numpy array, callable or None
        The biases or their initialiser, of shape ``(num_filters,)`` or, if
        untied, ``(num_filters, output_depth, output_rows, output_columns)``.
        None for a layer without biases.
    nonlinearity : callable or None
        The nonlinearity applied to the output. None for a linear layer.
    flip_filters : bool (default: False)
        The opposite of a convolution's parameter: False transposes a
        convolution, True a correlation.
    output_size : int, iterable of 3 ints, symbolic vector or None
        The size of the output. With a stride of ``s``, a convolution maps
        ``s`` input sizes to the same output size, so that its transpose can
        restore any of them: ``(input - 1) * s - 2 * crop + filter_size`` and
        the next ``s - 1``. None takes the smallest.
    **kwargs
        ``num_groups``, the number of filter groups (default: 1), and keyword
        arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Attributes
    ----------
    W : Theano shared variable
        The filters.
    b : Theano shared variable or None
        The biases.

    Raises
    ------
    ValueError
        If the input does not have three spatial dimensions, or if
        `output_size` is impossible.
    NotImplementedError
        If `crop` is 'same' and the filter size is even.

    Notes
    -----
    The formulas of :class:`TransposedConv2DLayer` hold with three spatial
    axes instead of two [2]_.

    A layer that mirrors a convolution ``conv`` and shares its filters is
    ``TransposedConv3DLayer(network, conv.input_shape[1], conv.filter_size,
    stride=conv.stride, crop=conv.pad, W=conv.W,
    flip_filters=not conv.flip_filters, output_size=conv.input_shape[2:])``.

    Examples
    --------
    Filters of size 4 with stride 2 and crop 1 double the size, as in the
    thesis's 3D decoder:

    >>> from lasagne.layers import InputLayer
    >>> from layers import TransposedConv3DLayer
    >>> volumes = InputLayer((None, 256, 10, 4, 4))
    >>> TransposedConv3DLayer(volumes, 256, 4, stride=2, crop=1).output_shape
    (None, 256, 20, 8, 8)

    References
    ----------
    .. [1] M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus (2010):
           Deconvolutional networks. CVPR.
    .. [2] V. Dumoulin, F. Visin (2016): A guide to convolution arithmetic
           for deep learning. arXiv:1603.07285, chapter 4.
    """

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
