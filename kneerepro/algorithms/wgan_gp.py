"""Algorithm 3: the WGAN with gradient penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import theano
import theano.tensor as T
from lasagne.layers import Layer, get_all_params, get_output
from lasagne.updates import adam

from kneerepro.algorithms.common import (
    Noise,
    compile_through,
    input_layer,
    input_variable,
    minibatch,
    sampling_functions,
)


class WGANGPFunctions(NamedTuple):
    """The compiled functions of Algorithm 3.

    They take minibatches `x` of float32 in [0, 1], of shape ``(n, 1, 64,
    64)``.

    Attributes
    ----------
    train_critic : callable
        ``train_critic(x)`` performs lines 3 to 7: one step of Adam on the
        critic. It returns L(D) before the step. With given noise it is
        ``train_critic(x, z, e)``. The caller decides how many critic steps,
        n_critic, precede a generator step (E8: one).
    train_generator : callable
        ``train_generator()`` performs lines 8 to 10: one step of Adam on the
        generator. It returns L(G) before the step. With given noise it is
        ``train_generator(z)``.
    criticise : callable
        ``criticise(x)`` returns the scores D(x), of shape ``(n, 1)``.
    sample : callable
        ``sample(n)`` returns n images from noise drawn from the seeded
        streams.
    generate : callable
        ``generate(z)`` returns images from noise of shape ``(n, nz)``.
    """

    train_critic: Callable[..., Any]
    train_generator: Callable[..., Any]
    criticise: Callable[..., Any]
    sample: Callable[..., Any]
    generate: Callable[..., Any]


def interpolate(
    x: theano.Variable, x_tilde: theano.Variable, e: theano.Variable
) -> theano.Variable:
    """Compute line 4 of Algorithm 3: ``x^ <- e x + (1 - e) x~``.

    Parameters
    ----------
    x, x_tilde : theano.Variable, shape (n, channels, rows, columns)
        Real and generated images.
    e : theano.Variable, shape (n,)
        One number for each pair of images.
    """
    e = e.dimshuffle([0] + ['x'] * (x.ndim - 1))
    return e * x + (1 - e) * x_tilde


def gradient_penalty(
    scores: theano.Variable, x_hat: theano.Variable
) -> theano.Variable:
    """Compute the penalty in line 6 of Algorithm 3.

    It is the mean over the batch of ``(||grad_x^ D(x^)||_2 - 1)**2``.

    Parameters
    ----------
    scores : theano.Variable, shape (n, 1)
        D(x^).
    x_hat : theano.Variable, shape (n, channels, rows, columns)
        The interpolated images. The norm is over all axes but the first.

    Notes
    -----
    The square root has no derivative at 0. There the chain rule gives 0 times
    infinity, and training would end in NaN. Sums of squares below 1e-24 are
    therefore clipped. This makes the derivative 0, which is a subgradient at
    0, and leaves all larger norms exact.
    """
    gradient = theano.grad(T.sum(scores), x_hat)
    squares = T.sum(T.sqr(gradient), axis=tuple(range(1, x_hat.ndim)))
    norm = T.sqrt(T.maximum(squares, 1e-24))
    return T.mean(T.sqr(norm - 1))


def critic_loss(
    real: theano.Variable,
    generated: theano.Variable,
    penalty: theano.Variable,
    penalty_weight: float,
) -> theano.Variable:
    """Compute the loss of Algorithm 3, line 6.

    It is the mean over the batch of ``D(x~) - D(x) + lambda * penalty``.

    Parameters
    ----------
    real, generated : theano.Variable, shape (n, 1)
        D(x) and D(x~).
    penalty : theano.Variable
        From :func:`gradient_penalty`.
    penalty_weight : float
        Lambda.
    """
    return T.mean(generated) - T.mean(real) + penalty_weight * penalty


def generator_loss(generated: theano.Variable) -> theano.Variable:
    """Compute the loss of Algorithm 3, line 9: the mean of ``-D(x~)``.

    Parameters
    ----------
    generated : theano.Variable, shape (n, 1)
        D(x~).
    """
    return -T.mean(generated)


def compile_wgan_gp(
    generator: Layer,
    critic: Layer,
    batch_size: int = 128,
    learning_rate: float = 5e-5,
    beta1: float = 0.5,
    beta2: float = 0.9,
    penalty_weight: float = 10,
    seed: int = 0,
    given_noise: bool = False,
    mode: theano.compile.Mode | str | None = None,
) -> WGANGPFunctions:
    """Compile Algorithm 3.

    Parameters
    ----------
    generator, critic : Layer
        From :func:`~kneerepro.networks.build_wgan_gp`.
    batch_size : int
        Number of images that a generator step generates. A critic step
        generates as many images as it is given real ones.
    learning_rate, beta1, beta2 : float
        Hyperparameters of Adam, of which each network has its own (Table
        2.5).
    penalty_weight : float
        Weight lambda of the gradient penalty (E8).
    seed : int
        Seed of the noise and of e.
    given_noise : bool
        Whether the training functions take z and e as arguments instead of
        drawing them.
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.

    Returns
    -------
    WGANGPFunctions

    Raises
    ------
    ValueError
        If the seed is out of range.

    Notes
    -----
    In training, each batch that a network sees, real, generated or
    interpolated, is normalised with its own statistics. The running averages
    of the critic are updated by the real batches only, those of the generator
    by the generator's steps only. ``criticise``, ``sample`` and ``generate``
    normalise with the running averages.

    The algorithm is that of [1]_.

    References
    ----------
    .. [1] I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville
           (2017): Improved training of Wasserstein GANs. arXiv:1704.00028.
           The thesis's [37].
    """
    noise = Noise(seed, given_noise)
    nz = input_layer(generator).shape[1]

    # line 3: sample real data x ~ P_r, sample noise z ~ p(z), x~ <- G(z)
    x = minibatch(input_variable(critic, 'x'))
    z, z_inputs = noise.normal(x.shape[0], nz, 'z')
    e, e_inputs = noise.uniform(x.shape[0], 'e')
    x_tilde = get_output(generator, z, batch_norm_update_averages=False)
    # line 4: x^ <- e x + (1 - e) x~
    x_hat = interpolate(x, x_tilde, e)
    # lines 5 to 7: update the critic
    loss_d = critic_loss(
        get_output(critic, x),
        get_output(critic, x_tilde, batch_norm_update_averages=False),
        gradient_penalty(
            get_output(critic, x_hat, batch_norm_update_averages=False), x_hat
        ),
        penalty_weight,
    )
    w_d = get_all_params(critic, trainable=True)
    train_critic = theano.function(
        [x] + z_inputs + e_inputs,
        loss_d,
        mode=mode,
        name='train_critic',
        updates=adam(loss_d, w_d, learning_rate, beta1, beta2),
    )

    # lines 8 to 10: update the generator
    z, z_inputs = noise.normal(batch_size, nz, 'z')
    x_tilde = get_output(generator, z)
    loss_g = generator_loss(
        get_output(critic, x_tilde, batch_norm_update_averages=False)
    )
    w_g = get_all_params(generator, trainable=True)
    train_generator = theano.function(
        z_inputs,
        loss_g,
        mode=mode,
        name='train_generator',
        updates=adam(loss_g, w_g, learning_rate, beta1, beta2),
    )

    sample, generate = sampling_functions(generator, noise, mode)
    return WGANGPFunctions(
        train_critic=train_critic,
        train_generator=train_generator,
        criticise=compile_through([critic], mode, 'criticise'),
        sample=sample,
        generate=generate,
    )
