"""What the algorithms share."""

import theano
from lasagne.layers import InputLayer, get_all_layers, get_output
from theano.sandbox.rng_mrg import MRG_RandomStreams

# Streams that draw in parallel, as many as Theano would guess. Said here
# because it warns when it has to guess, which it does for batches of any size.
_STREAMS = 60 * 256

_MAX_SEED = 2147462578  # MRG31k3p's smaller modulus, less the 1 added below


def input_layer(network):
    """The one ``InputLayer`` of `network`."""
    inputs = [
        layer
        for layer in get_all_layers(network)
        if isinstance(layer, InputLayer)
    ]
    if len(inputs) != 1:
        raise ValueError(
            'a network with one input layer is needed, this one '
            f'has {len(inputs)}'
        )
    return inputs[0]


def input_variable(network, name):
    """A new symbolic minibatch for `network`."""
    return input_layer(network).input_var.type(name)


def compile_through(networks, mode, name=None):
    """Compile the way through trained networks, one after the other.

    Batch normalisation uses its running averages there, so that no result
    depends on those computed beside it.

    Parameters
    ----------
    networks : sequence of Layer
        Each with one input layer, which takes the output of the one before.
    mode : theano.compile.Mode, str or None
        Passed on to ``theano.function``, as is `name`.

    Returns
    -------
    theano function
        From the first network's input to the last one's output.
    """
    x = y = input_variable(networks[0], 'x')
    for network in networks:
        y = get_output(network, y, deterministic=True)
    return theano.function([x], y, mode=mode, name=name)


class Noise:
    """The random numbers of Algorithms 2 and 3.

    Drawn inside the graph from seeded MRG streams, or given from outside, so
    that the same code serves both.

    Parameters
    ----------
    seed : int
        Of the streams; the same seed draws the same noise on every engine.
    given : bool
        If True, each draw becomes an input of the compiled function instead.
    """

    def __init__(self, seed, given):
        if not 0 <= seed < _MAX_SEED:
            raise ValueError(
                f'seed must be from 0 to {_MAX_SEED - 1}, not {seed}'
            )
        # The generator's state must not be all zero.
        self.streams = MRG_RandomStreams(seed + 1)
        self.given = given

    def normal(self, n, nz, name):
        """Z ~ N(0, 1), shape ``(n, nz)``, and the inputs that it needs."""
        if self.given:
            z = theano.tensor.matrix(name)
            return z, [z]
        return self.streams.normal((n, nz), nstreams=_STREAMS), []

    def uniform(self, n, name):
        """E ~ U(0, 1), shape ``(n,)``, and the inputs that it needs."""
        if self.given:
            e = theano.tensor.vector(name)
            return e, [e]
        return self.streams.uniform((n,), ndim=1, nstreams=_STREAMS), []


def sampling_functions(generator, noise, mode):
    """``sample(n)`` and ``generate(z)``: images of the trained generator."""
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
