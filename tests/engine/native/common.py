"""Compares functions in C++ with the same functions on PyTorch's kernels."""

import unittest
from unittest import mock

import numpy as np
import theano

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine import torch_mode
    from kneerepro.engine.compiler import compiler
    from kneerepro.engine.native import function as native

#: Skips a test if there is no compiler.
NEEDS_COMPILER = unittest.skipUnless(
    torch and compiler(), 'there is no C++ compiler'
)


@NEEDS_COMPILER
class NativeTest(EngineTest):
    """Compiles functions in C++ after their first call."""

    def setUp(self):
        for name, number in ('CALLS', 1), ('_MIN_SPEED_UP', 0):
            patch = mock.patch.object(native, name, number)
            patch.start()
            self.addCleanup(patch.stop)

    def function(self, inputs, outputs, **kwargs):
        """A function of the engine on the CPU."""
        return theano.function(
            inputs,
            outputs,
            mode=torch_mode('cpu'),
            on_unused_input='ignore',
            **kwargs,
        )

    def versions(self, function):
        """The number of versions of a function in C++."""
        found = function.fn.call.native
        return 0 if found is None else found.versions

    def on_pytorch(self):
        """A context in which PyTorch computes all functions."""
        return mock.patch.object(
            native.NativeFunction, '__call__', lambda self: None
        )

    def assert_same_native(self, inputs, outputs, *arguments):
        """The results in C++ are those of PyTorch; returns the function."""
        function = self.function(inputs, outputs)
        expected = function(*arguments)
        self.assertEqual(self.versions(function), 1)
        self.assert_equal(function(*arguments), expected, None, outputs)
        for output in function(*arguments):
            # Nobody else writes into the results.
            output[...] = 0
        self.assert_equal(function(*arguments), expected, None, outputs)
        return function

    def assert_same_training(self, inputs, outputs, updates, *arguments):
        """Several steps in C++ change shared variables as PyTorch does."""
        function = self.function(inputs, outputs, updates=updates)
        variables = list(dict(updates))
        start = [np.array(v.get_value(), order='K') for v in variables]

        def run():
            for variable, value in zip(variables, start):
                variable.set_value(value)
            found = [function(*arguments) for _ in range(4)]
            return sum(found, []) + [v.get_value() for v in variables]

        with self.on_pytorch():
            expected = run()
        self.assertEqual(self.versions(function), 0)
        found = run()
        self.assertEqual(self.versions(function), 1)
        for value, other in zip(found, expected):
            np.testing.assert_allclose(value, other, rtol=2e-5, atol=1e-6)
        return function
