"""Functions and noise that the algorithms share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import theano
from lasagne.layers import InputLayer, Layer, get_all_layers, get_output
from theano.sandbox.rng_mrg import MRG_RandomStreams

# Number of random streams drawn in parallel. This is the number that Theano
# would guess; it warns of having to guess when the batch size is symbolic.
_STREAMS = 60 * 256

_MAX_SEED = 2147462578  # MRG31k3p's smaller modulus, less the 1 added below


def input_layer(network: Layer) -> InputLayer:
    """Return the only ``InputLayer`` of `network`.

    Raises
    ------
    ValueError
        If it has none or several.
    """
    inputs = [
        layer
        for layer in get_all_layers(network)
        if isinstance(layer, InputLayer)
    ]
    if len(inputs) != 1:
        raise ValueError(
            'the network must have exactly one input layer, but it has '
            f'{len(inputs)}'
        )
    return inputs[0]


def input_variable(network: Layer, name: str) -> theano.Variable:
    """Create a symbolic minibatch for `network`.

    Raises
    ------
    ValueError
        If `network` has no input layer or several.
    """
    return input_layer(network).input_var.type(name)


def minibatch(x: theano.Variable) -> theano.Variable:
    """Mark a minibatch, whose rows several processes may share.

    The mark itself has no effect. ``kneerepro.engine.distributed`` reads it if
    there are several processes.

    Parameters
    ----------
    x : theano.Variable, shape (n, ...)
        The images that a training function takes, or the noise that it draws.

    Returns
    -------
    theano.Variable
        `x` itself.
    """
    x.tag.minibatch = True
    return x


def compile_through(
    networks: Sequence[Layer],
    mode: theano.compile.Mode | str | None,
    name: str | None = None,
) -> Callable[..., Any]:
    """Compile the composition of trained networks.

    Batch normalisation uses its running averages, so that the result for one
    sample does not depend on the other samples of a batch.

    Parameters
    ----------
    networks : sequence of Layer
        Networks with one input layer each. Each network takes the output of
        the one before it.
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.
    name : str, optional
        Passed to ``theano.function``.

    Returns
    -------
    callable
        Maps the first network's input to the last one's output.
    """
    x = y = input_variable(networks[0], 'x')
    for network in networks:
        y = get_output(network, y, deterministic=True)
    return theano.function([x], y, mode=mode, name=name)


class Noise:
    """The random numbers of Algorithms 2 and 3.

    They are either drawn inside the graph from seeded MRG streams, or inputs
    of the compiled function. Either way, the algorithms use the same code.

    Parameters
    ----------
    seed : int
        Seed of the streams. A seed draws the same noise on every engine.
    given : bool
        Whether each draw is an input of the compiled function instead.

    Attributes
    ----------
    streams : MRG_RandomStreams
    given : bool

    Raises
    ------
    ValueError
        If the seed is out of range.
    """

    def __init__(self, seed: int, given: bool) -> None:
        if not 0 <= seed < _MAX_SEED:
            raise ValueError(
                f'seed must be from 0 to {_MAX_SEED - 1}, not {seed}'
            )
        # 1 is added because the generator's state must not be all zero.
        self.streams = MRG_RandomStreams(seed + 1)
        self.given = given

    def normal(
        self, n: int | theano.Variable, nz: int, name: str
    ) -> tuple[theano.Variable, list[theano.Variable]]:
        """Draw Z ~ N(0, 1) of shape ``(n, nz)``, marked as a minibatch.

        Returns
        -------
        z : theano.Variable
        inputs : list of theano.Variable
            The inputs that the compiled function needs for it: z if given,
            none if drawn.
        """
        if self.given:
            z = minibatch(theano.tensor.matrix(name))
            return z, [z]
        z = self.streams.normal((n, nz), nstreams=_STREAMS)
        return minibatch(z), []

    def uniform(
        self, n: int | theano.Variable, name: str
    ) -> tuple[theano.Variable, list[theano.Variable]]:
        """Draw E ~ U(0, 1) of shape ``(n,)``, marked as a minibatch.

        Returns
        -------
        e : theano.Variable
        inputs : list of theano.Variable
            As for :meth:`normal`.
        """
        if self.given:
            e = minibatch(theano.tensor.vector(name))
            return e, [e]
        e = self.streams.uniform((n,), ndim=1, nstreams=_STREAMS)
        return minibatch(e), []


def sampling_functions(
    generator: Layer,
    noise: Noise,
    mode: theano.compile.Mode | str | None,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compile functions that generate images with the trained generator.

    Parameters
    ----------
    generator : Layer
    noise : Noise
        `sample` draws from its streams, even if it is `given`.
    mode : theano.compile.Mode, str or None
        Passed to ``theano.function``.

    Returns
    -------
    sample : callable
        ``sample(n)`` draws noise from the seeded streams for n images.
    generate : callable
        ``generate(z)`` takes noise of shape ``(n, nz)``.
    """
    n = theano.tensor.iscalar('n')
    nz = input_layer(generator).shape[1]
    z = noise.streams.normal((n, nz), nstreams=_STREAMS)
    sample = theano.function(
        [n],
        get_output(generator, z, deterministic=True),
        mode=mode,
        name='sample',
    )
    return sample, compile_through([generator], mode, 'generate')
