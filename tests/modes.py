"""Modes in which the tests compile Theano functions."""

import os
import unittest

import theano

#: The graph as written, run by Theano's Python implementations. Optimising it
#: and compiling its C code takes minutes for a GAN of any size.
AS_WRITTEN = theano.compile.Mode('py', None)

if os.environ.get('KNEEREPRO_TEST_MODE') == 'TORCH':
    import kneerepro.engine  # noqa: F401, makes the mode known

#: That, or the mode that ``make test-compiled`` asks for.
TRAINING = theano.compile.get_mode(
    os.environ.get('KNEEREPRO_TEST_MODE', AS_WRITTEN)
)

#: Skips a test of Theano's C code where that cannot be compiled.
NEEDS_C_CODE = unittest.skipUnless(
    theano.config.cxx, 'Theano compiles no C code here'
)
