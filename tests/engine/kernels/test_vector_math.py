import ctypes
import unittest

import numpy as np

from tests.engine.compare import torch

if torch:
    from kneerepro.engine import compiler
    from kneerepro.engine.kernels.vector_math import VECTOR_MATH

FUNCTIONS = {
    'exp': np.exp,
    'tanh': np.tanh,
    'sigmoid': lambda x: 1 / (1 + np.exp(-x)),
}
TYPES = {'float': np.float32, 'double': np.float64}


def code():
    """A loop over each function, for each type."""
    return VECTOR_MATH + ''.join(
        f"""
        extern "C" void {name}_{kind}(const {kind} *x, {kind} *to, long n) {{
            #pragma omp simd
            for (long i = 0; i < n; ++i) to[i] = vector_{name}(x[i]);
        }}"""
        for name in FUNCTIONS
        for kind in TYPES
    )


@unittest.skipUnless(torch, 'PyTorch is not installed')
class VectorMathTest(unittest.TestCase):
    def setUp(self):
        self.library = compiler.load(code())
        if self.library is None:
            self.skipTest('there is no compiler')

    def values(self, name, kind, x):
        result = np.empty_like(x)
        getattr(self.library, f'{name}_{kind}')(
            *(ctypes.c_void_p(array.ctypes.data) for array in (x, result)),
            ctypes.c_long(len(x)),
        )
        return result

    def test_errors(self):
        rng = np.random.RandomState(0)
        for kind, dtype in TYPES.items():
            limit = np.log(np.finfo(dtype).max)
            x = np.concatenate(
                [
                    rng.uniform(-limit, limit, 100_000),
                    rng.normal(size=100_000),
                    10 ** rng.uniform(-35, 1, 100_000),
                    -(10 ** rng.uniform(-35, 1, 100_000)),
                ]
            ).astype(dtype)
            for name, function in FUNCTIONS.items():
                with self.subTest(name, kind=kind):
                    exact = function(x.astype('longdouble'))
                    normal = abs(exact) >= np.finfo(dtype).tiny
                    places = np.spacing(abs(exact.astype(dtype)))
                    errors = abs(self.values(name, kind, x) - exact) / places
                    self.assertLess(errors[normal].max(), 2.6)
                    self.assertLess(errors[normal].mean(), 0.4)

    def test_limits(self):
        inf, nan = np.inf, np.nan
        for kind, dtype in TYPES.items():
            tiny = np.finfo(dtype).smallest_subnormal
            most = np.finfo(dtype).max
            x = np.array(
                [0, -0.0, tiny, -tiny, most, -most, inf, -inf, nan], dtype
            )
            for name, expected in {
                'exp': [1, 1, 1, 1, inf, 0, inf, 0, nan],
                'tanh': [0, -0.0, tiny, -tiny, 1, -1, 1, -1, nan],
                'sigmoid': [0.5, 0.5, 0.5, 0.5, 1, 0, 1, 0, nan],
            }.items():
                with self.subTest(name, kind=kind):
                    found = self.values(name, kind, x)
                    np.testing.assert_array_equal(found, dtype(expected))
                    np.testing.assert_array_equal(
                        np.signbit(found[:-1]), np.signbit(expected[:-1])
                    )

    def test_powers_that_are_hardly_numbers(self):
        # Below the least normal number, and up to the largest one.
        for kind, dtype in TYPES.items():
            info = np.finfo(dtype)
            low, high = np.log(info.tiny), np.log(info.max)
            x = np.concatenate(
                [np.linspace(low - 20, low, 1000), [high, high + 0.01]]
            ).astype(dtype)
            with np.errstate(over='ignore', under='ignore'):
                expected = np.exp(x.astype('longdouble')).astype(dtype)
            np.testing.assert_allclose(
                self.values('exp', kind, x),
                expected,
                rtol=4 * info.eps,
                atol=2 * info.smallest_subnormal,
            )
