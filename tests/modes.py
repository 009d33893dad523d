"""Modes in which the tests compile Theano functions."""

import os
import unittest

import theano

#: Runs the graph as written, with Theano's Python implementations. Optimising
#: it and compiling its C code would take minutes for a GAN of any size.
AS_WRITTEN = theano.compile.Mode('py', None)

if os.environ.get('KNEEREPRO_TEST_MODE') == 'TORCH':
    import kneerepro.engine  # noqa: F401, registers the mode

#: The same, unless ``make test-compiled`` asks for another mode.
TRAINING = theano.compile.get_mode(
    os.environ.get('KNEEREPRO_TEST_MODE', AS_WRITTEN)
)

#: Skips a test of Theano's C code if it cannot be compiled here.
NEEDS_C_CODE = unittest.skipUnless(
    theano.config.cxx, 'Theano compiles no C code here'
)
