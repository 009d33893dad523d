"""Modes in which the tests compile Theano functions."""

import os
import unittest

import theano
from theano.compile import Mode, get_mode

try:
    from kneerepro.engine import TorchLinker
except ImportError:  # there is no PyTorch
    TorchLinker = None

#: Runs the graph as written, with Theano's Python implementations. Optimising
#: it and compiling its C code would take minutes for a GAN of any size.
AS_WRITTEN = Mode('py', None)

#: The same on the engine, whose convolutions are faster, if there is PyTorch.
ON_ENGINE = Mode(TorchLinker(), None) if TorchLinker else AS_WRITTEN

#: The same, unless ``make test-compiled`` asks for another mode.
TRAINING = get_mode(os.environ.get('KNEEREPRO_TEST_MODE', ON_ENGINE))


def evaluate(output):
    """The value of a Theano variable that needs no inputs."""
    return theano.function([], output, mode=ON_ENGINE)()


#: Skips a test of Theano's C code if it cannot be compiled here.
NEEDS_C_CODE = unittest.skipUnless(
    theano.config.cxx, 'Theano compiles no C code here'
)
