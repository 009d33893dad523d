"""Algorithm 3: the WGAN with gradient penalty."""

from collections import namedtuple

import theano
import theano.tensor as T
from lasagne.layers import get_all_params, get_output
from lasagne.updates import adam

from kneerepro.algorithms.common import (
    Noise,
    compile_through,
    input_layer,
    input_variable,
    sampling_functions,
)

WGANGPFunctions = namedtuple(
    'WGANGPFunctions', 'train_critic train_generator criticise sample generate'
)


def interpolate(x, x_tilde, e):
    """Algorithm 3, line 4: ``x^ <- e x + (1 - e) x~``, one e per sample."""
    e = e.dimshuffle([0] + ['x'] * (x.ndim - 1))
    return e * x + (1 - e) * x_tilde


def gradient_penalty(scores, x_hat):
    """Algorithm 3, line 6: mean of ``(||grad_x^ D(x^)||_2 - 1)**2``.

    Parameters
    ----------
    scores : tensor, shape (n, 1)
        D(x^).
    x_hat : tensor, shape (n, channels, rows, columns)
        The norm is over all axes but the first.

    Notes
    -----
    The square root has no derivative at 0, where the chain rule gives 0
    times infinity and training would end in NaN. Below 1e-24 the sum is
    clipped, which makes its derivative 0, a subgradient there; above it the
    norm is exact.
    """
    gradient = theano.grad(T.sum(scores), x_hat)
    squares = T.sum(T.sqr(gradient), axis=tuple(range(1, x_hat.ndim)))
    norm = T.sqrt(T.maximum(squares, 1e-24))
    return T.mean(T.sqr(norm - 1))


def critic_loss(real, generated, penalty, penalty_weight):
    """Algorithm 3, line 6: ``D(x~) - D(x) + lambda * penalty``, the mean over
    the batch.
    """
    return T.mean(generated) - T.mean(real) + penalty_weight * penalty


def generator_loss(generated):
    """Algorithm 3, line 9: ``-D(x~)``, the mean over the batch."""
    return -T.mean(generated)


def compile_wgan_gp(
    generator,
    critic,
    batch_size=128,
    learning_rate=5e-5,
    beta1=0.5,
    beta2=0.9,
    penalty_weight=10,
    seed=0,
    given_noise=False,
    mode=None,
):
    """Compile Algorithm 3.

    Parameters
    ----------
    generator, critic : Layer
        From :func:`~kneerepro.networks.build_wgan_gp`.
    batch_size : int
        Images that a generator step generates. A critic step generates as
        many as it is given.
    learning_rate, beta1, beta2 : float
        Of Adam, one for each network (Table 2.5).
    penalty_weight : float
        Lambda, the weight of the gradient penalty (E8).
    seed : int
        Of the noise and of e.
    given_noise : bool
        Take z and e as arguments rather than draw them.
    mode : theano.compile.Mode, str or None
        Passed on to ``theano.function``.

    Returns
    -------
    WGANGPFunctions
        Of minibatches `x`, float32 in [0, 1], of shape ``(n, 1, 64, 64)``:

        ``train_critic(x)``, with given noise ``(x, z, e)``
            Lines 3 to 7. One step of Adam on the critic. Returns L(D) before
            it. How many of these precede a generator step, n_critic, is up
            to the caller (E8: one).
        ``train_generator()``, with given noise ``(z)``
            Lines 8 to 10. One step of Adam on the generator. Returns L(G)
            before it.
        ``criticise(x)``
            D(x), of shape ``(n, 1)``.
        ``sample(n)``
            n images from noise drawn from the seeded stream.
        ``generate(z)``
            Images from noise of shape ``(n, nz)``.

    Notes
    -----
    In training, every batch that a network sees, real, generated or mixed, is
    normalised with its own statistics. Of the running averages, the critic's
    follow the real batches and the generator's its own steps; the latter are
    what ``sample`` and ``generate`` normalise with, as ``criticise`` does
    with the former.

    References
    ----------
    .. [1] I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville
           (2017): Improved training of Wasserstein GANs. arXiv:1704.00028.
           The thesis's [37].
    """
    noise = Noise(seed, given_noise)
    nz = input_layer(generator).shape[1]

    # line 3: sample real data x ~ P_r, sample noise z ~ p(z), x~ <- G(z)
    x = input_variable(critic, 'x')
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

    return WGANGPFunctions(
        train_critic,
        train_generator,
        compile_through([critic], mode, 'criticise'),
        *sampling_functions(generator, noise, mode),
    )
