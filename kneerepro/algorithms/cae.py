"""Algorithm 1: the convolutional autoencoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import theano
import theano.tensor as T
from lasagne.layers import Layer, get_all_params, get_output
from lasagne.updates import adam

from kneerepro.algorithms.common import (
    compile_through,
    input_variable,
    minibatch,
)


class CAEFunctions(NamedTuple):
    """The compiled functions of Algorithm 1.

    They take minibatches `x` of float32 in [0, 1], of shape ``(n, 1, rows,
    columns)`` or ``(n, 1, depth, rows, columns)``.

    Attributes
    ----------
    train : callable
        ``train(x)`` makes one step of Adam on both networks. It returns the
        mean squared error before the step, which Figures 3.3 and 3.5 plot
        (E6: twice the loss).
    test : callable
        ``test(x)`` returns the mean squared error.
    reconstruct : callable
        ``reconstruct(x)`` returns the reconstructions x', of the shape of
        `x`.
    encode : callable
        ``encode(x)`` returns the codes h, of shape ``(n, nz)``.
    """

    train: Callable[..., Any]
    test: Callable[..., Any]
    reconstruct: Callable[..., Any]
    encode: Callable[..., Any]


def mean_squared_error(
    x: theano.Variable, x_prime: theano.Variable
) -> theano.Variable:
    """Compute the mean of ``(x - x')**2`` over all pixels of all images.

    Parameters
    ----------
    x, x_prime : theano.Variable, shape (n, 1, ...)
        Images and their reconstructions.
    """
    return T.mean(T.sqr(x - x_prime))


def reconstruction_loss(
    x: theano.Variable, x_prime: theano.Variable
) -> theano.Variable:
    """Compute the loss of Algorithm 1, line 7.

    It is ``1 / (2n) * sum over the batch of (x - x')**2``. E6: the text calls
    the squared term the mean squared error, so it is the mean over the pixels
    of an image here, and the loss is half of :func:`mean_squared_error`.

    Parameters
    ----------
    x, x_prime : theano.Variable, shape (n, 1, ...)
        Images and their reconstructions.
    """
    n = T.cast(x.shape[0], x.dtype)
    pixel_axes = tuple(range(1, x.ndim))
    return T.sum(T.mean(T.sqr(x - x_prime), axis=pixel_axes)) / (2 * n)


def compile_cae(
    encoder: Layer,
    decoder: Layer,
    learning_rate: float = 1e-4,
    beta1: float = 0.5,
    beta2: float = 0.999,
    mode: theano.compile.Mode | str | None = None,
) -> CAEFunctions:
    """Compile Algorithm 1.

    Parameters
    ----------
    encoder, decoder : Layer
        From :func:`~kneerepro.networks.build_cae2d` or
        :func:`~kneerepro.networks.build_cae3d`.
    learning_rate, beta1, beta2 : float
        Hyperparameters of Adam. Table 2.5 has 1e-4 and 0.5 in 2D, 5e-5 and
        0.5 in 3D. It leaves `beta2` open; the default here is Lasagne's.
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.

    Returns
    -------
    CAEFunctions
    """
    x = minibatch(input_variable(encoder, 'x'))
    # line 3: encode into h = sigma(W_xh x + b_xh)
    h = get_output(encoder, x)
    # line 5: reconstruct x' = sigma(W_hx' h + b_hx')
    x_prime = get_output(decoder, h)
    # line 7: the loss
    loss = reconstruction_loss(x, x_prime)
    # line 8: Omega <- Adam(grad_Omega L, Omega, alpha)
    omega = get_all_params([encoder, decoder], trainable=True)
    updates = adam(loss, omega, learning_rate, beta1, beta2)
    train = theano.function(
        [x],
        mean_squared_error(x, x_prime),
        updates=updates,
        mode=mode,
        name='train',
    )

    h = get_output(encoder, x, deterministic=True)
    x_prime = get_output(decoder, h, deterministic=True)
    return CAEFunctions(
        train=train,
        test=theano.function(
            [x], mean_squared_error(x, x_prime), mode=mode, name='test'
        ),
        reconstruct=compile_through([encoder, decoder], mode, 'reconstruct'),
        encode=compile_through([encoder], mode, 'encode'),
    )
