"""Compares the PyTorch engine with Theano's Python implementations."""

import os
import unittest
import warnings

import numpy as np
import theano
from theano.compile.mode import Mode
from theano.configparser import change_flags

try:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError:
    torch = TorchLinker = TorchMode = torch_mode = None
    TorchDispatchMode = object
else:
    from kneerepro.engine import TorchLinker, torch_mode
    from kneerepro.engine.modes import TorchMode

#: The device on which the engine computes in the tests: ``cpu`` or ``cuda``.
DEVICE = os.environ.get('KNEEREPRO_TEST_DEVICE', 'cpu')
#: The graph as it is written, run by Theano's own Python code.
REFERENCE = Mode('py', None)

FLOATS = ['float32', 'float64']
INTEGERS = [
    'int8',
    'int16',
    'int32',
    'int64',
    'uint8',
    'uint16',
    'uint32',
    'uint64',
]
TYPES = INTEGERS + ['float16'] + FLOATS + ['bool']
PRECISION = {'float16': 2e-3, 'float32': 2e-5, 'complex64': 2e-5}


def cuda_rewrites_mode():
    """A mode that optimises as for CUDA, but runs on any device."""
    return TorchMode(
        TorchLinker(DEVICE), torch_mode('cuda').provided_optimizer
    )


RNG = np.random.RandomState(1)


def values(dtype, *shape, low=-5, high=6):
    """Random numbers from `low` (included) to `high` (excluded)."""
    if dtype == 'bool':
        return RNG.rand(*shape) > 0.5
    if dtype.startswith('u'):
        low = max(low, 0)
    if dtype.startswith(('float', 'complex')):
        return RNG.uniform(low, high, shape).astype(dtype)
    return RNG.randint(low, high, shape).astype(dtype)


class WithoutUnsigned(TorchDispatchMode):
    """Refuses to index or sort unsigned integers of more than 8 bits, for
    which PyTorch may have no kernels on CUDA."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket in (
            torch.ops.aten.index,
            torch.ops.aten.index_put_,
            torch.ops.aten.sort,
        ) and args[0].dtype in (torch.uint16, torch.uint32, torch.uint64):
            raise NotImplementedError(f'{function} of {args[0].dtype}')
        return function(*args, **(kwargs or {}))


@unittest.skipUnless(torch, 'PyTorch is not installed')
class EngineTest(unittest.TestCase):
    """Compares the engine's results with Theano's."""

    def run(self, result=None):
        # Each test draws the same values, whichever tests ran before it.
        RNG.seed(1)
        return super().run(result)

    def set_flags(self, **flags):
        """Set Theano's flags for the rest of the test."""
        flags = change_flags(**flags)
        flags.__enter__()
        self.addCleanup(flags.__exit__)

    def modes(self):
        """Modes with the graph as optimised for the engine, and as
        written."""
        plain = torch_mode(DEVICE, tf32=False)
        return [plain, Mode(plain.linker, None)]

    def compiled(self, inputs, outputs, **kwargs):
        """The function in the reference mode and in the engine's modes."""

        def function(mode):
            return theano.function(
                inputs, outputs, mode=mode, on_unused_input='ignore', **kwargs
            )

        return self.in_all_modes(function)

    def in_all_modes(self, function):
        """Call a function with the reference mode and the engine's modes."""
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            # A scan would compile its step in C, whatever the mode.
            with change_flags(cxx=''):
                expected = function(REFERENCE)
            return [expected, *map(function, self.modes())]

    def comparison(self, inputs, outputs, tolerance=None, **kwargs):
        """Compile in all modes.

        Returns a function that calls them with values, compares the results,
        and returns Theano's."""
        if not isinstance(outputs, (list, tuple)):
            outputs = [outputs]
        functions = self.compiled(inputs, outputs, **kwargs)

        def compare(*arguments):
            return self.assert_agree(functions, arguments, tolerance, outputs)

        return compare

    def assert_agree(self, functions, arguments, tolerance=None, names=None):
        """Call what `compiled` returns with values, and compare the results.

        Returns Theano's."""
        reference, *tested = functions
        with warnings.catch_warnings(), np.errstate(all='ignore'):
            warnings.simplefilter('ignore')
            expected = reference(*arguments)
        for function in tested:
            self.assert_equal(function(*arguments), expected, tolerance, names)
        return expected

    def assert_same(self, inputs, outputs, *arguments, **kwargs):
        """Compile in all modes, call with values, and compare the results."""
        return self.comparison(inputs, outputs, **kwargs)(*arguments)

    def assert_refused(self, error, inputs, outputs, *arguments):
        """Both Theano and the engine raise the error."""
        for function in self.compiled(inputs, outputs):
            with self.assertRaises(error):
                function(*arguments)

    def assert_same_run(self, run, tolerance=None):
        """`run`, called with each mode, returns the same arrays."""
        expected, *found = self.in_all_modes(run)
        for results in found:
            self.assert_equal(results, expected, tolerance)

    def assert_equal(self, found, expected, tolerance=None, names=None):
        self.assertEqual(len(found), len(expected))
        for a, b, name in zip(found, expected, map(str, names or expected)):
            self.assertIsInstance(a, np.ndarray, name)
            self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape), name)
            precision = tolerance or PRECISION.get(str(a.dtype), 1e-11)
            if a.dtype.kind in 'fc':
                np.testing.assert_allclose(
                    a, b, precision, precision, err_msg=name
                )
            else:
                np.testing.assert_array_equal(a, b, name)
