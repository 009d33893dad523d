import contextlib
from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from theano.gof import op
from theano.tensor.elemwise import DimShuffle

from tests.engine.compare import EngineTest

with contextlib.suppress(ImportError):  # without PyTorch, EngineTest skips
    from kneerepro.engine import c_files


class CFilesTest(EngineTest):
    def test_each_file_is_read_once(self):
        first = DimShuffle((False, False), (1, 0))
        with mock.patch.object(op, '_open_u', side_effect=AssertionError):
            second = DimShuffle((False, True), (0,))
        self.assertTrue(first.code_sections)
        self.assertEqual(first.code_sections, second.code_sections)
        self.assertIsNot(first.code_sections, second.code_sections)

        original = object.__new__(DimShuffle)
        c_files._load_c_code(original, [DimShuffle.c_func_file])
        self.assertEqual(original.code_sections, first.code_sections)
        self.assertEqual(original.func_codes, first.func_codes)

    def test_a_missing_file(self):
        class Mine(op.COp):
            pass

        with self.assertRaises(FileNotFoundError):
            Mine(['no such file.c'])

    def test_the_op_computes(self):
        x = T.matrix()
        f = theano.function([x], x.T, mode='FAST_COMPILE')
        np.testing.assert_array_equal(
            f(np.arange(6, dtype='float32').reshape(2, 3)).shape, (3, 2)
        )
