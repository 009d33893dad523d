"""Algorithm 2: the DCGAN."""

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

DCGANFunctions = namedtuple(
    'DCGANFunctions',
    'train_discriminator train_generator discriminate sample generate',
)


def bce(probability, target):
    """Mean binary cross-entropy of probabilities and one target, 0 or 1.

    Written with the one term that is left, so that no ``0 * log 0`` arises.
    Theano turns the logarithm of a sigmoid into a softplus, so that it is
    finite for any network output.
    """
    if target not in (0, 1):
        raise ValueError(f'target must be 0 or 1, not {target}')
    return -T.mean(T.log(probability if target else 1 - probability))


def discriminator_loss(real, generated):
    """Algorithm 2, line 6: ``bce{D(x)} + bce{D(x^)}``, with targets 1 for
    real and 0 for generated images (E7).
    """
    return bce(real, 1) + bce(generated, 0)


def generator_loss(generated):
    """Algorithm 2, line 9: ``bce{D(x^)}``, with the target of real images."""
    return bce(generated, 1)


def compile_dcgan(
    generator,
    discriminator,
    batch_size=128,
    learning_rate=5e-5,
    beta1=0.5,
    beta2=0.9,
    seed=0,
    given_noise=False,
    mode=None,
):
    """Compile Algorithm 2.

    Parameters
    ----------
    generator, discriminator : Layer
        From :func:`~kneerepro.networks.build_dcgan`.
    batch_size : int
        Images that a generator step generates. A discriminator step
        generates as many as it is given.
    learning_rate, beta1, beta2 : float
        Of Adam, one for each network (Table 2.5).
    seed : int
        Of the noise.
    given_noise : bool
        Take z as an argument rather than draw it.
    mode : theano.compile.Mode, str or None
        Passed on to ``theano.function``.

    Returns
    -------
    DCGANFunctions
        Of minibatches `x`, float32 in [0, 1], of shape ``(n, 1, 64, 64)``:

        ``train_discriminator(x)``, with given noise ``(x, z)``
            Lines 3 to 7. One step of Adam on the discriminator. Returns L(D)
            before it.
        ``train_generator()``, with given noise ``(z)``
            Lines 8 to 10. One step of Adam on the generator. Returns L(G)
            before it.
        ``discriminate(x)``
            D(x), of shape ``(n, 1)``.
        ``sample(n)``
            n images from noise drawn from the seeded stream.
        ``generate(z)``
            Images from noise of shape ``(n, nz)``.

    Notes
    -----
    In training, every batch that a network sees, real or generated, is
    normalised with its own statistics. Of the running averages, the
    discriminator's follow the real batches and the generator's its own
    steps; the latter are what ``sample`` and ``generate`` normalise with, as
    ``discriminate`` does with the former.
    """
    noise = Noise(seed, given_noise)
    nz = input_layer(generator).shape[1]

    # line 3: sample real data x ~ P_r, sample noise z ~ p(z)
    x = input_variable(discriminator, 'x')
    z, z_inputs = noise.normal(x.shape[0], nz, 'z')
    # line 4: x^ <- G(z)
    x_hat = get_output(generator, z, batch_norm_update_averages=False)
    # lines 5 to 7: update the discriminator
    loss_d = discriminator_loss(
        get_output(discriminator, x),
        get_output(discriminator, x_hat, batch_norm_update_averages=False),
    )
    w_d = get_all_params(discriminator, trainable=True)
    train_discriminator = theano.function(
        [x] + z_inputs,
        loss_d,
        mode=mode,
        name='train_discriminator',
        updates=adam(loss_d, w_d, learning_rate, beta1, beta2),
    )

    # lines 8 to 10: update the generator
    z, z_inputs = noise.normal(batch_size, nz, 'z')
    x_hat = get_output(generator, z)
    loss_g = generator_loss(
        get_output(discriminator, x_hat, batch_norm_update_averages=False)
    )
    w_g = get_all_params(generator, trainable=True)
    train_generator = theano.function(
        z_inputs,
        loss_g,
        mode=mode,
        name='train_generator',
        updates=adam(loss_g, w_g, learning_rate, beta1, beta2),
    )

    return DCGANFunctions(
        train_discriminator,
        train_generator,
        compile_through([discriminator], mode, 'discriminate'),
        *sampling_functions(generator, noise, mode),
    )
