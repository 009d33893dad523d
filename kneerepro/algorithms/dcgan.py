"""Algorithm 2: the DCGAN."""

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


class DCGANFunctions(NamedTuple):
    """The compiled functions of Algorithm 2.

    They take minibatches `x` of float32 in [0, 1], of shape ``(n, 1, 64,
    64)``.

    Attributes
    ----------
    train_discriminator : callable
        ``train_discriminator(x)`` performs lines 3 to 7: one step of Adam on
        the discriminator. It returns L(D) before the step. With given noise
        it is ``train_discriminator(x, z)``.
    train_generator : callable
        ``train_generator()`` performs lines 8 to 10: one step of Adam on the
        generator. It returns L(G) before the step. With given noise it is
        ``train_generator(z)``.
    discriminate : callable
        ``discriminate(x)`` returns the probability D(x) that each image is
        real, of shape ``(n, 1)``.
    sample : callable
        ``sample(n)`` returns n images from noise drawn from the seeded
        streams.
    generate : callable
        ``generate(z)`` returns images from noise of shape ``(n, nz)``.
    """

    train_discriminator: Callable[..., Any]
    train_generator: Callable[..., Any]
    discriminate: Callable[..., Any]
    sample: Callable[..., Any]
    generate: Callable[..., Any]


def bce(probability: theano.Variable, target: int) -> theano.Variable:
    """Compute the mean binary cross-entropy for one target, 0 or 1.

    Only the term that the target leaves is written, so that no ``0 * log 0``
    can arise. Theano rewrites the logarithm of a sigmoid as a softplus, so
    the result is finite for every network output.

    Parameters
    ----------
    probability : theano.Variable, shape (n, 1)
    target : {0, 1}

    Raises
    ------
    ValueError
        If the target is neither 0 nor 1.
    """
    if target not in (0, 1):
        raise ValueError(f'target must be 0 or 1, not {target}')
    return -T.mean(T.log(probability if target else 1 - probability))


def discriminator_loss(
    real: theano.Variable, generated: theano.Variable
) -> theano.Variable:
    """Compute the loss of Algorithm 2, line 6: ``bce{D(x)} + bce{D(x^)}``.

    The target is 1 for real images and 0 for generated ones (E7).

    Parameters
    ----------
    real, generated : theano.Variable, shape (n, 1)
        D(x) and D(x^).
    """
    return bce(real, 1) + bce(generated, 0)


def generator_loss(generated: theano.Variable) -> theano.Variable:
    """Compute the loss of Algorithm 2, line 9: ``bce{D(x^)}``.

    The target is 1, that of real images.

    Parameters
    ----------
    generated : theano.Variable, shape (n, 1)
        D(x^).
    """
    return bce(generated, 1)


def compile_dcgan(
    generator: Layer,
    discriminator: Layer,
    batch_size: int = 128,
    learning_rate: float = 5e-5,
    beta1: float = 0.5,
    beta2: float = 0.9,
    seed: int = 0,
    given_noise: bool = False,
    mode: theano.compile.Mode | str | None = None,
) -> DCGANFunctions:
    """Compile Algorithm 2.

    Parameters
    ----------
    generator, discriminator : Layer
        From :func:`~kneerepro.networks.build_dcgan`.
    batch_size : int
        Number of images that a generator step generates. A discriminator step
        generates as many images as it is given real ones.
    learning_rate, beta1, beta2 : float
        Hyperparameters of Adam, of which each network has its own (Table
        2.5).
    seed : int
        Seed of the noise.
    given_noise : bool
        Whether the training functions take z as an argument instead of
        drawing it.
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.

    Returns
    -------
    DCGANFunctions

    Raises
    ------
    ValueError
        If the seed is out of range.

    Notes
    -----
    In training, each batch that a network sees, real or generated, is
    normalised with its own statistics. The running averages of the
    discriminator are updated by the real batches only, those of the generator
    by the generator's steps only. ``discriminate``, ``sample`` and
    ``generate`` normalise with the running averages.
    """
    noise = Noise(seed, given_noise)
    nz = input_layer(generator).shape[1]

    # line 3: sample real data x ~ P_r, sample noise z ~ p(z)
    x = minibatch(input_variable(discriminator, 'x'))
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

    sample, generate = sampling_functions(generator, noise, mode)
    return DCGANFunctions(
        train_discriminator=train_discriminator,
        train_generator=train_generator,
        discriminate=compile_through([discriminator], mode, 'discriminate'),
        sample=sample,
        generate=generate,
    )
