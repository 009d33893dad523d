"""Modes in which the tests compile Theano functions."""

import os

import theano
from theano.gof import Query


def python_mode():
    """Optimised graphs run by Theano's Python implementations.

    Compiling a graph's C code takes a second or two for each of its distinct
    Ops, which for a GAN adds up to minutes. The Python implementations need
    none and serve for tiny networks.
    """
    wanted = os.environ.get('KNEEREPRO_TEST_MODE')
    if wanted:
        return theano.compile.get_mode(wanted)
    return theano.compile.Mode('py', Query(
        include=['fast_run'],
        exclude=['fusion', 'inplace', 'conv_gemm', 'conv_dnn', 'BlasOpt',
                 'AbstractConvCheck']))


#: What was written, unoptimised.
AS_WRITTEN = theano.compile.Mode('py', None)
