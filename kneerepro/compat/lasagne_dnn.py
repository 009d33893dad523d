"""Stand in for ``lasagne.layers.dnn`` and ``lasagne.layers.corrmm``.

Lasagne imports them only if Theano's own GPU code works. Here, the layers are
made of Theano's Ops, which every mode runs. They have the signatures of
Lasagne 0.2.dev1, of which Lasagne 0.1 has a part.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import theano.tensor as T
from lasagne import init, nonlinearities
from lasagne import layers as lasagne_layers
from lasagne.layers.pool import pool_output_length
from lasagne.utils import as_tuple

from kneerepro.compat.cudnn import dnn_pool

__all__ = [
    'BatchNormDNNLayer',
    'Conv2DDNNLayer',
    'Conv3DDNNLayer',
    'MaxPool2DDNNLayer',
    'MaxPool3DDNNLayer',
    'Pool2DDNNLayer',
    'Pool3DDNNLayer',
    'SpatialPyramidPoolingDNNLayer',
    'batch_norm_dnn',
]


def _import_layers():
    """Import the package ``layers`` that is installed beside this one.

    The old program may have a module of its own under this name, which should
    neither be taken for the package nor be hidden by it.
    """
    folder = Path(__file__).parents[2] / 'layers'
    if not (folder / '__init__.py').exists():
        raise ImportError(
            f'lasagne.layers.dnn requires the package layers in {folder}'
        )
    loaded = sys.modules.get('layers')
    if getattr(loaded, '__path__', None) == [str(folder)]:
        return loaded
    hidden = _pop_layers()
    spec = importlib.util.spec_from_file_location(
        'layers', folder / '__init__.py'
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules['layers'] = package
    try:
        spec.loader.exec_module(package)
    finally:
        _pop_layers()
        sys.modules.update(hidden)
    return package


def _pop_layers():
    return {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name.partition('.')[0] == 'layers'
    }


_layers = _import_layers()
_Conv2DLayer: Any = _layers.Conv2DLayer
_Conv3DLayer: Any = _layers.Conv3DLayer
# Lasagne 0.1 has none.
_BatchNormLayer: Any = getattr(
    lasagne_layers, 'BatchNormLayer', _layers.BatchNormLayer
)

# Initialisers
_GLOROT = init.GlorotUniform()
_ZEROS = init.Constant(0.0)
_ONES = init.Constant(1.0)


class Conv2DDNNLayer(_Conv2DLayer):
    """2D convolutional layer that does not flip its filters.

    Parameters
    ----------
    incoming, num_filters, filter_size, stride, pad, untie_biases, W, b, \
nonlinearity, num_groups, **kwargs
        As in :class:`layers.Conv2DLayer`.
    flip_filters : bool (default: False)
        Whether to flip the filters. Filters that were learnt by
        :class:`lasagne.layers.Conv2DLayer` have to be flipped.
    """

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=(1, 1),
        pad=0,
        untie_biases=False,
        W=_GLOROT,
        b=_ZEROS,
        nonlinearity=nonlinearities.rectify,
        flip_filters=False,
        num_groups=1,
        **kwargs,
    ):
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
            num_groups=num_groups,
            **kwargs,
        )


class Conv2DMMLayer(Conv2DDNNLayer):
    """The same layer under its name in ``lasagne.layers.corrmm``."""


class Conv3DDNNLayer(_Conv3DLayer):
    """3D convolutional layer that does not flip its filters.

    Parameters
    ----------
    incoming, num_filters, filter_size, stride, pad, untie_biases, W, b, \
nonlinearity, flip_filters, num_groups, **kwargs
        As in :class:`Conv2DDNNLayer`, with three spatial axes.
    """

    def __init__(
        self,
        incoming,
        num_filters,
        filter_size,
        stride=(1, 1, 1),
        pad=0,
        untie_biases=False,
        W=_GLOROT,
        b=_ZEROS,
        nonlinearity=nonlinearities.rectify,
        flip_filters=False,
        num_groups=1,
        **kwargs,
    ):
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
            num_groups=num_groups,
            **kwargs,
        )


class _PoolLayer(lasagne_layers.Layer):
    """Pooling in `n` dimensions."""

    n: int

    def __init__(
        self,
        incoming,
        pool_size,
        stride=None,
        pad=0,
        ignore_border=True,
        mode='max',
        **kwargs,
    ):
        super().__init__(incoming, **kwargs)
        _check_dimensions(self, self.n)
        if not ignore_border:
            raise NotImplementedError(
                f'Pool{self.n}DDNNLayer does not support ignore_border=False: '
                'it leaves out windows that are cut off at the border, so use '
                'ignore_border=True'
            )
        self.pool_size = as_tuple(pool_size, self.n)
        self.stride = (
            self.pool_size if stride is None else as_tuple(stride, self.n)
        )
        self.pad = as_tuple(pad, self.n)
        self.mode = mode

    def get_output_shape_for(self, input_shape):
        """Return the output shape for an input of this shape."""
        return tuple(input_shape[:2]) + tuple(
            pool_output_length(length, size, stride, pad, ignore_border=True)
            for length, size, stride, pad in zip(
                input_shape[2:], self.pool_size, self.stride, self.pad
            )
        )

    def get_output_for(self, input, **kwargs):
        """Return the pooled input."""
        return dnn_pool(
            input, self.pool_size, self.stride, self.mode, self.pad
        )


def _check_dimensions(layer, n):
    if len(layer.input_shape) != n + 2:
        raise ValueError(
            f'{type(layer).__name__} got input shape {layer.input_shape!r}: '
            f'it needs {n + 2} dimensions (batch size, channels, {n} spatial '
            'dimensions)'
        )


class Pool2DDNNLayer(_PoolLayer):
    """2D pooling layer.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape.
    pool_size : int or iterable of 2 ints
        The size of the windows.
    stride : int, iterable of 2 ints or None
        The distance between windows. None for their size.
    pad : int or iterable of 2 ints
        The padding on both sides of each axis.
    ignore_border : bool
        It must be True: windows that are cut off at the border are left out.
    mode : {'max', 'average_inc_pad', 'average_exc_pad'}
        'average_inc_pad' counts the padding as zeros, and 'average_exc_pad'
        does not count it.
    **kwargs
        Keyword arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Raises
    ------
    NotImplementedError
        If `ignore_border` is False.
    ValueError
        If the input does not have two spatial axes.
    """

    n = 2


class Pool3DDNNLayer(_PoolLayer):
    """3D pooling layer.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border, mode, **kwargs
        As in :class:`Pool2DDNNLayer`, with three spatial axes.
    """

    n = 3


class MaxPool2DDNNLayer(Pool2DDNNLayer):
    """2D max-pooling layer.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border, **kwargs
        As in :class:`Pool2DDNNLayer`.
    """


class MaxPool3DDNNLayer(Pool3DDNNLayer):
    """3D max-pooling layer.

    Parameters
    ----------
    incoming, pool_size, stride, pad, ignore_border, **kwargs
        As in :class:`Pool3DDNNLayer`.
    """


class SpatialPyramidPoolingDNNLayer(lasagne_layers.Layer):
    """Spatial pyramid pooling layer [1]_.

    Pools images to several grids of fixed sizes.

    Parameters
    ----------
    incoming : Layer or tuple
        The layer feeding into this layer, or the expected input shape. The
        sizes of the images may be None.
    pool_dims : iterable of int
        The number of windows along each axis, for each grid.
    mode : {'max', 'average_inc_pad', 'average_exc_pad'}
        As in :class:`Pool2DDNNLayer`.
    **kwargs
        Keyword arguments of :class:`lasagne.layers.Layer` such as ``name``.

    Raises
    ------
    ValueError
        If the input does not have two spatial axes.

    Notes
    -----
    The output has shape ``(batch_size, channels, sum of p * p)``. As in
    Lasagne, an axis of length `n` has windows of length ``ceil(n / p)`` at
    distances of ``n // p``. There are `p` of them only if `n` is long enough.

    References
    ----------
    .. [1] K. He et al. (2014): Spatial pyramid pooling in deep convolutional
           networks for visual recognition. ECCV. arXiv:1406.4729.
    """

    def __init__(self, incoming, pool_dims=(4, 2, 1), mode='max', **kwargs):
        super().__init__(incoming, **kwargs)
        _check_dimensions(self, 2)
        self.pool_dims = pool_dims
        self.mode = mode

    def get_output_shape_for(self, input_shape):
        """Return the output shape for an input of this shape."""
        windows = sum(count * count for count in self.pool_dims)
        return (input_shape[0], input_shape[1], windows)

    def get_output_for(self, input, **kwargs):
        """Return the pooled input."""
        lengths = [
            input.shape[axis] if length is None else length
            for axis, length in enumerate(self.input_shape)
        ][2:]
        grids = []
        for count in self.pool_dims:
            sizes = [(length + count - 1) // count for length in lengths]
            strides = [length // count for length in lengths]
            grids.append(dnn_pool(input, sizes, strides, self.mode).flatten(3))
        return T.concatenate(grids, axis=2)


class BatchNormDNNLayer(_BatchNormLayer):
    """Batch normalisation layer.

    Parameters
    ----------
    incoming, axes, epsilon, alpha, beta, gamma, mean, inv_std, **kwargs
        As in :class:`layers.BatchNormLayer`. `axes` must be the first one, or
        all but the second.

    Raises
    ------
    ValueError
        If `axes` are others, or a size along an axis not normalised over is
        None.
    """

    def __init__(
        self,
        incoming,
        axes='auto',
        epsilon=1e-4,
        alpha=0.1,
        beta=_ZEROS,
        gamma=_ONES,
        mean=_ZEROS,
        inv_std=_ONES,
        **kwargs,
    ):
        super().__init__(
            incoming,
            axes,
            epsilon,
            alpha,
            beta,
            gamma,
            mean,
            inv_std,
            **kwargs,
        )
        all_but_second = (0, *range(2, len(self.input_shape)))
        if tuple(self.axes) not in ((0,), all_but_second):
            raise ValueError(
                'BatchNormDNNLayer normalises over the first axis, or over '
                f'all but the second: got axes {self.axes}'
            )


def batch_norm_dnn(layer, **kwargs):
    """Apply batch normalisation between a layer and its nonlinearity.

    Parameters
    ----------
    layer : Layer
        The layer to normalise. It is modified: its nonlinearity becomes the
        identity, and its biases are removed.
    **kwargs
        Keyword arguments of :class:`BatchNormDNNLayer`.

    Returns
    -------
    Layer
        The :class:`BatchNormDNNLayer` stacked on `layer`. If `layer` had a
        nonlinearity, a layer that applies it to the normalised output.
    """
    nonlinearity = getattr(layer, 'nonlinearity', None)
    if nonlinearity is not None:
        layer.nonlinearity = nonlinearities.identity
    if getattr(layer, 'b', None) is not None:
        del layer.params[layer.b]
        layer.b = None
    name = kwargs.pop('name', None) or (layer.name and layer.name + '_bn')
    layer = BatchNormDNNLayer(layer, name=name, **kwargs)
    if nonlinearity is not None:
        layer = lasagne_layers.NonlinearityLayer(
            layer, nonlinearity, name=name and name + '_nonlin'
        )
    return layer
