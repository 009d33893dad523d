"""The convolution of Theano before 0.8: ``theano.tensor.nnet.conv`` and
``theano.tensor.signal.conv``.
"""

from __future__ import annotations

from theano.tensor.nnet.abstract_conv import AbstractConv2d
from theano.tensor.nnet.conv import ConvOp

from ..dispatch import register
from .conv import Convolution


@register(
    ConvOp,
    fresh=True,
    covers=lambda node: node.outputs[0].dtype in ('float32', 'float64'),
)
def _build_old_convolution(op, node):
    convolution = Convolution(
        AbstractConv2d(border_mode=op.out_mode, subsample=(op.dx, op.dy))
    )

    def convolve(images, filters):
        _check('images', images.shape, (op.bsize, *op.imshp))
        _check('filters', filters.shape, (op.nkern, None, *op.kshp))
        if images.shape[1] != filters.shape[1]:
            raise ValueError(
                f'images of shape {tuple(images.shape)} and filters of shape '
                f'{tuple(filters.shape)} do not have the same number of '
                'channels'
            )
        return convolution.forward(
            _spread(images, op.imshp_logical[1:]),
            _spread(filters, op.kshp_logical, not op.kshp_logical_top_aligned),
        )

    return convolve


def _check(name, shape, declared):
    if any(n not in (None, size) for size, n in zip(shape, declared)):
        raise ValueError(
            f'the {name} have the shape {tuple(shape)}, but the convolution '
            f'was built for {declared}'
        )


def _spread(x, sizes, at_the_end=False):
    """Insert zeros between rows and columns, to reach certain sizes.

    Parameters
    ----------
    x : tensor, shape (..., rows, columns)
    sizes : 2 ints or None
        None for the size that `x` has.
    at_the_end : bool
        Whether the last row and column stay last; otherwise the first ones
        stay first.
    """
    sizes = [size or n for size, n in zip(sizes, x.shape[2:])]
    if sizes == list(x.shape[2:]):
        return x
    places = []
    for size, n in zip(sizes, x.shape[2:]):
        step = -(-size // n)
        first = (size - 1) % step if at_the_end else 0
        places.append(slice(first, None, step))
    result = x.new_zeros(*x.shape[:2], *sizes)
    result[(..., *places)] = x
    return result
