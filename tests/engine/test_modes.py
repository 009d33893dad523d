import os
import unittest
from unittest import mock

from tests.engine.compare import torch, torch_mode


@unittest.skipUnless(torch, 'PyTorch is not installed')
class TorchModeTest(unittest.TestCase):
    def test_cuda_graphs(self):
        for given, environment, expected in [
            (None, {}, True),
            (False, {}, False),
            (True, {}, True),
            (None, {'THEANO_TORCH_CUDA_GRAPHS': '0'}, False),
            (True, {'THEANO_TORCH_CUDA_GRAPHS': '0'}, True),
        ]:
            with mock.patch.dict(os.environ, environment):
                linker = torch_mode('cuda', cuda_graphs=given).linker
                self.assertEqual(linker.graphs is not None, expected)
                self.assertIs(linker.clone().graphs, linker.graphs)
                on_cpu = torch_mode('cpu', cuda_graphs=given).linker
                self.assertIsNone(on_cpu.graphs)

    def test_tf32(self):
        for given, environment, expected in [
            (None, {}, True),
            (False, {}, False),
            (None, {'THEANO_TORCH_TF32': '0'}, False),
        ]:
            with mock.patch.dict(os.environ, environment):
                linker = torch_mode('cuda', tf32=given).linker
                self.assertEqual(
                    (linker.tf32, linker.clone().tf32), (expected, expected)
                )

    def test_wrong_environment_is_refused(self):
        with (
            mock.patch.dict(os.environ, THEANO_TORCH_TF32='off'),
            self.assertRaisesRegex(ValueError, 'TF32.*0 or 1'),
        ):
            torch_mode('cuda')
