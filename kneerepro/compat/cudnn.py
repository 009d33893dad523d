"""Stand in for ``theano.sandbox.cuda.dnn``, the functions of cuDNN.

They build Theano's own Ops for convolution and pooling, which every mode
runs. On CUDA, the engine computes these by PyTorch's kernels, and those by
cuDNN.
"""

from __future__ import annotations

from typing import Any

import theano.tensor as T
from theano.tensor.nnet import abstract_conv
from theano.tensor.signal import pool

__all__ = [
    'GpuDnnConv',
    'GpuDnnConv3d',
    'GpuDnnConv3dGradI',
    'GpuDnnConv3dGradW',
    'GpuDnnConvDesc',
    'GpuDnnConvGradI',
    'GpuDnnConvGradW',
    'dnn_available',
    'dnn_conv',
    'dnn_conv3d',
    'dnn_pool',
]


def dnn_available(context_name: str | None = None) -> bool:
    """Whether Theano's own GPU code can use cuDNN.

    Parameters
    ----------
    context_name : str, optional

    Returns
    -------
    bool
        False. The attribute ``msg`` says why.
    """
    return False


dnn_available.msg = (  # type: ignore[attr-defined]
    "Theano's own GPU code requires pygpu, which can no longer be installed"
)


class GpuDnnConvDesc:
    """The description of a convolution.

    Parameters
    ----------
    border_mode : {'valid', 'full', 'half'}, int or tuple of int
    subsample : tuple of int, optional
        The stride along each axis. By default, it is 1.
    conv_mode : {'conv', 'cross'}
        Whether the filters are flipped, as in a convolution, or not, as in a
        cross-correlation.
    precision : str, optional
        Not used.
    dilation : tuple of int, optional
        The distance between the filters' elements. By default, it is 1.

    Raises
    ------
    ValueError
        If `conv_mode` is neither of the two.
    """

    def __init__(
        self,
        border_mode,
        subsample=None,
        conv_mode='conv',
        precision=None,
        dilation=None,
    ):
        if conv_mode not in ('conv', 'cross'):
            raise ValueError(
                f"conv_mode is {conv_mode!r}: use 'conv' or 'cross'"
            )
        self.border_mode = border_mode
        self.subsample = subsample
        self.conv_mode = conv_mode
        self.dilation = dilation

    def __call__(self, *shapes: Any) -> GpuDnnConvDesc:
        """Return the description, whatever the shapes of the tensors."""
        return self

    def options(self, n: int) -> dict[str, Any]:
        """Return the options of Theano's functions in `n` dimensions."""
        return {
            'border_mode': self.border_mode,
            'subsample': tuple(self.subsample or (1,) * n),
            'filter_flip': self.conv_mode == 'conv',
            'filter_dilation': tuple(self.dilation or (1,) * n),
        }


class _ConvOp:
    """An Op of cuDNN's for a convolution.

    Parameters
    ----------
    algo, inplace, workmem
        Not used. They chose among cuDNN's implementations.
    num_groups : int
        The number of groups of channels.
    """

    def __init__(self, algo=None, inplace=False, num_groups=1, workmem=None):
        self.num_groups = num_groups

    def _options(self, desc, n):
        return {**desc.options(n), 'num_groups': self.num_groups}


class GpuDnnConv(_ConvOp):
    """A convolution of images or volumes."""

    def __call__(self, img: Any, kerns: Any, output: Any, desc: Any) -> Any:
        """Return the output.

        Parameters
        ----------
        img : variable, shape (batch size, channels, ...)
        kerns : variable, shape (filters, channels, ...)
        output : variable
            Not used. cuDNN wrote to its memory.
        desc : GpuDnnConvDesc

        Returns
        -------
        variable, shape (batch size, filters, ...)
        """
        n = kerns.ndim - 2
        conv = {2: T.nnet.conv2d, 3: T.nnet.conv3d}[n]
        return conv(img, kerns, **self._options(desc, n))


class GpuDnnConvGradI(_ConvOp):
    """The gradient of a convolution by its input: a transposed convolution."""

    def __call__(
        self, kerns: Any, topgrad: Any, output: Any, desc: Any
    ) -> Any:
        """Return the gradient.

        Parameters
        ----------
        kerns : variable, shape (filters, channels, ...)
        topgrad : variable, shape (batch size, filters, ...)
            The gradient by the convolution's output.
        output : variable
            The gradient has its shape.
        desc : GpuDnnConvDesc

        Returns
        -------
        variable, shape (batch size, channels, ...)
        """
        n = kerns.ndim - 2
        gradient = {
            2: abstract_conv.conv2d_grad_wrt_inputs,
            3: abstract_conv.conv3d_grad_wrt_inputs,
        }[n]
        return gradient(
            topgrad, kerns, _sizes(output), **self._options(desc, n)
        )


class GpuDnnConvGradW(_ConvOp):
    """The gradient of a convolution by its filters."""

    def __call__(self, img: Any, topgrad: Any, output: Any, desc: Any) -> Any:
        """Return the gradient.

        Parameters
        ----------
        img : variable, shape (batch size, channels, ...)
        topgrad : variable, shape (batch size, filters, ...)
            The gradient by the convolution's output.
        output : variable
            The gradient has its shape.
        desc : GpuDnnConvDesc

        Returns
        -------
        variable, shape (filters, channels, ...)
        """
        n = img.ndim - 2
        gradient = {
            2: abstract_conv.conv2d_grad_wrt_weights,
            3: abstract_conv.conv3d_grad_wrt_weights,
        }[n]
        return gradient(img, topgrad, _sizes(output), **self._options(desc, n))


GpuDnnConv3d = GpuDnnConv
GpuDnnConv3dGradI = GpuDnnConvGradI
GpuDnnConv3dGradW = GpuDnnConvGradW


def _sizes(output):
    # Theano takes the first two sizes only if they are numbers.
    return (None, None) + tuple(output.shape[i] for i in range(2, output.ndim))


def dnn_conv(
    img: Any,
    kerns: Any,
    border_mode: Any = 'valid',
    subsample: Any = None,
    conv_mode: str = 'conv',
    direction_hint: str | None = None,
    workmem: str | None = None,
    algo: str | None = None,
    precision: str | None = None,
    dilation: Any = None,
    num_groups: int = 1,
) -> Any:
    """Convolve images or volumes.

    Parameters
    ----------
    img : variable, shape (batch size, channels, ...)
    kerns : variable, shape (filters, channels, ...)
    border_mode, subsample, conv_mode, dilation
        As in :class:`GpuDnnConvDesc`.
    direction_hint, workmem, algo, precision
        Not used. They chose among cuDNN's implementations.
    num_groups : int
        The number of groups of channels.

    Returns
    -------
    variable, shape (batch size, filters, ...)
    """
    desc = GpuDnnConvDesc(border_mode, subsample, conv_mode, dilation=dilation)
    return GpuDnnConv(num_groups=num_groups)(img, kerns, None, desc)


dnn_conv3d = dnn_conv


def dnn_pool(
    img: Any, ws: Any, stride: Any = None, mode: str = 'max', pad: Any = None
) -> Any:
    """Pool images or volumes, without windows that are cut off at the border.

    Parameters
    ----------
    img : variable, shape (batch size, channels, ...)
    ws : tuple of 2 or 3 ints or scalars
        The size of the windows.
    stride : tuple of ints or scalars, optional
        The distance between windows. As in Theano, the default is 1.
    mode : {'max', 'sum', 'average_inc_pad', 'average_exc_pad'}
    pad : tuple of ints, optional
        The padding on both sides of each axis.

    Returns
    -------
    variable, shape (batch size, channels, ...)
    """
    pool_nd = {2: pool.pool_2d, 3: pool.pool_3d}[len(ws)]
    if stride is None:
        stride = (1,) * len(ws)
    return pool_nd(img, ws, True, stride, pad, mode)
