import unittest

import numpy as np

from tests.engine.compare import torch

if torch:
    from kneerepro.engine.kernels.scalar_code import (
        NotSupportedError,
        c_type,
        literal,
    )


@unittest.skipUnless(torch, 'PyTorch is not installed')
class NumberTest(unittest.TestCase):
    def test_numbers_are_exact(self):
        for value, text in [
            (np.float32(0.1), '(npy_float32) 0.10000000149011612'),
            (np.float64('-inf'), '(npy_float64) -INFINITY'),
            (np.float32('nan'), '(npy_float32) NAN'),
            (np.int64(-(2**63)), '(npy_int64) (-9223372036854775807LL - 1)'),
            (np.uint64(2**64 - 1), '(npy_uint64) 18446744073709551615ULL'),
            (np.bool_(True), '(npy_bool) 1'),
        ]:
            self.assertEqual(literal(value), text)

    def test_other_types_are_refused(self):
        for dtype in 'float16', 'complex64':
            with self.assertRaises(NotSupportedError):
                c_type(dtype)
