"""Algorithm 1: the convolutional autoencoder."""

from collections import namedtuple

import theano
import theano.tensor as T
from lasagne.layers import get_all_params, get_output
from lasagne.updates import adam

from kneerepro.algorithms.common import compile_through, input_variable

CAEFunctions = namedtuple('CAEFunctions', 'train test reconstruct encode')


def mean_squared_error(x, x_prime):
    """Mean over all pixels of all images of ``(x - x')**2``, a scalar."""
    return T.mean(T.sqr(x - x_prime))


def reconstruction_loss(x, x_prime):
    """Algorithm 1, line 7: ``1 / (2n) * sum over the batch of (x - x')**2``.

    E6: the square is taken as each image's mean squared error, as the text
    calls it, so that the loss is half of :func:`mean_squared_error`.
    """
    n = T.cast(x.shape[0], x.dtype)
    pixel_axes = tuple(range(1, x.ndim))
    return T.sum(T.mean(T.sqr(x - x_prime), axis=pixel_axes)) / (2 * n)


def compile_cae(
    encoder, decoder, learning_rate=1e-4, beta1=0.5, beta2=0.999, mode=None
):
    """Compile Algorithm 1.

    Parameters
    ----------
    encoder, decoder : Layer
        From :func:`~kneerepro.networks.build_cae2d` or
        :func:`~kneerepro.networks.build_cae3d`.
    learning_rate, beta1, beta2 : float
        Of Adam. Table 2.5: 1e-4 and 0.5 in 2D, 5e-5 and 0.5 in 3D; it leaves
        `beta2` open, which is Lasagne's default here.
    mode : theano.compile.Mode, str or None
        Passed on to ``theano.function``.

    Returns
    -------
    CAEFunctions
        Of minibatches `x`, float32 in [0, 1], of shape ``(n, 1, rows,
        columns)`` or ``(n, 1, depth, rows, columns)``:

        ``train(x)``
            One step of Adam on both networks. Returns the mean squared error
            before it, which figures 3.3 and 3.5 plot (E6: twice the loss).
        ``test(x)``
            The mean squared error.
        ``reconstruct(x)``
            x', of the shape of `x`.
        ``encode(x)``
            h, of shape ``(n, nz)``.
    """
    x = input_variable(encoder, 'x')
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
        train,
        test=theano.function(
            [x], mean_squared_error(x, x_prime), mode=mode, name='test'
        ),
        reconstruct=compile_through([encoder, decoder], mode, 'reconstruct'),
        encode=compile_through([encoder], mode, 'encode'),
    )
