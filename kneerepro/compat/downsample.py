"""Stand in for ``theano.tensor.signal.downsample``.

Theano 0.8 moved it to ``pool``, where the Ops take the size of the windows as
an input, and 0.9 removed it.
"""

from __future__ import annotations

from typing import Any

from theano.tensor.signal import pool
from theano.tensor.signal.pool import max_pool_2d_same_size

__all__ = [
    'DownsampleFactorMax',
    'DownsampleFactorMaxGrad',
    'DownsampleFactorMaxGradGrad',
    'max_pool2D',
    'max_pool_2d',
    'max_pool_2d_same_size',
]


def max_pool_2d(
    input: Any,
    ds: Any,
    ignore_border: bool | None = False,
    st: Any = None,
    padding: Any = (0, 0),
    mode: str = 'max',
) -> Any:
    """Pool the last two axes.

    Parameters
    ----------
    input : variable
        Of two or more axes.
    ds : tuple of 2 ints
        The size of the windows.
    ignore_border : bool, optional
        Whether to leave out windows that are cut off at the border. Theano
        0.8 replaced the default False by None, which has the same effect.
    st : tuple of 2 ints, optional
        The distance between windows. By default, it is `ds`.
    padding : tuple of 2 ints
    mode : {'max', 'sum', 'average_inc_pad', 'average_exc_pad'}

    Returns
    -------
    variable
    """
    return pool.pool_2d(input, ds, bool(ignore_border), st, padding, mode)


max_pool2D = max_pool_2d  # noqa: N816, Theano's name


class DownsampleFactorMax:
    """A pooling with the parameters of :func:`max_pool_2d`.

    Parameters
    ----------
    ds, ignore_border, st, padding, mode
        As in :func:`max_pool_2d`.
    """

    def __init__(
        self, ds, ignore_border=False, st=None, padding=(0, 0), mode='max'
    ):
        self.ds = tuple(ds)
        self.ignore_border = bool(ignore_border)
        self.st = self.ds if st is None else tuple(st)
        self.padding = tuple(padding)
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        """Return `x` with the last two axes pooled."""
        return max_pool_2d(
            x, self.ds, self.ignore_border, self.st, self.padding, self.mode
        )

    @staticmethod
    def out_shape(
        imgshape: Any,
        ds: Any,
        ignore_border: bool = False,
        st: Any = None,
        padding: Any = (0, 0),
    ) -> list[Any]:
        """Return the shape of the output for an input of shape `imgshape`."""
        return pool.Pool.out_shape(imgshape, ds, ignore_border, st, padding)


class DownsampleFactorMaxGrad(DownsampleFactorMax):
    """The gradient of a :class:`DownsampleFactorMax` by its input."""

    def __call__(self, x: Any, maxout: Any, gz: Any) -> Any:  # type: ignore[override]
        """Return the gradient.

        Parameters
        ----------
        x, maxout : variable
            The input and the output.
        gz : variable
            The gradient by the output.

        Returns
        -------
        variable
            It has the shape of `x`.
        """
        windows = self.ds, self.st, self.padding
        if self.mode == 'max':
            return pool.MaxPoolGrad(self.ignore_border)(
                x, maxout, gz, *windows
            )
        return pool.AveragePoolGrad(self.ignore_border, self.mode)(
            x, gz, *windows
        )


class DownsampleFactorMaxGradGrad(DownsampleFactorMax):
    """The gradient of a :class:`DownsampleFactorMaxGrad` by `gz`."""

    def __call__(self, x: Any, maxout: Any, gz: Any) -> Any:  # type: ignore[override]
        """Return the gradient.

        Parameters
        ----------
        x, maxout : variable
            The input and the output of the pooling.
        gz : variable
            The gradient by the result of the
            :class:`DownsampleFactorMaxGrad`.

        Returns
        -------
        variable
            It has the shape of `maxout`.
        """
        return pool.DownsampleFactorMaxGradGrad(self.ignore_border)(
            x, maxout, gz, self.ds, self.st, self.padding
        )
