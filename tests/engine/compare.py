"""The PyTorch engine beside Theano's Python implementations."""

import unittest
import warnings

import numpy as np
import theano
from theano.compile.mode import Mode

try:
    import torch  # noqa: F401
    from kneerepro.engine import torch_mode
except ImportError:
    torch_mode = None


@unittest.skipUnless(torch_mode, 'PyTorch is not installed')
class EngineTest(unittest.TestCase):
    """Compares with the unoptimised graph, run by Theano's own Python."""

    optimizers = 'fast_run', None

    def assert_same(self, inputs, outputs, *values, tolerance=None, **kwargs):
        """Compile both ways, call with the values, compare the results."""
        if not isinstance(outputs, (list, tuple)):
            outputs = [outputs]
        with warnings.catch_warnings(), np.errstate(all='ignore'):
            warnings.simplefilter('ignore')
            reference = theano.function(
                inputs, outputs, mode=Mode('py', None),
                on_unused_input='ignore', **kwargs)
            expected = reference(*values)
        for mode in self.modes():
            found = theano.function(inputs, outputs, mode=mode,
                                    on_unused_input='ignore',
                                    **kwargs)(*values)
            self.assert_equal(found, expected, tolerance)

    def modes(self):
        plain = torch_mode('cpu')
        return [plain, Mode(plain.linker, None)]

    def assert_equal(self, found, expected, tolerance=None):
        for a, b in zip(found, expected):
            self.assertIsInstance(a, np.ndarray)
            self.assertEqual(a.dtype, b.dtype)
            self.assertEqual(a.shape, b.shape)
            if a.dtype.kind in 'fc':
                precision = tolerance or {'float16': 2e-3, 'float32': 2e-5,
                                          'complex64': 2e-5}.get(
                                              str(a.dtype), 1e-11)
                np.testing.assert_allclose(a, b, rtol=precision,
                                           atol=precision)
            else:
                np.testing.assert_array_equal(a, b)
