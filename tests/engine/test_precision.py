"""What CUDA is set to while the engine computes. The settings can be read
without a GPU."""

import unittest
from unittest import mock

from tests.engine.compare import torch

if torch:
    from kneerepro.engine.precision import cuda_settings
    from kneerepro.engine.runner import Runner


@unittest.skipUnless(torch, 'PyTorch is not installed')
class PrecisionTest(unittest.TestCase):
    def state(self):
        cudnn = torch.backends.cudnn
        return (
            torch.backends.cuda.matmul.allow_tf32,
            cudnn.allow_tf32,
            cudnn.benchmark,
        )

    def precision(self):
        if not hasattr(torch.backends.cudnn, 'conv'):
            return self.state()
        return (
            torch.backends.cuda.matmul.fp32_precision == 'tf32',
            torch.backends.cudnn.conv.fp32_precision == 'tf32',
            torch.backends.cudnn.benchmark,
        )

    def test_settings_hold_only_within(self):
        before = self.state()
        for tf32 in True, False:
            for benchmark in True, False:
                with (
                    self.assertRaisesRegex(ValueError, 'in it'),
                    cuda_settings(tf32, benchmark),
                ):
                    self.assertEqual(self.precision(), (tf32, tf32, benchmark))
                    with cuda_settings(not tf32, False):
                        self.assertEqual(
                            self.precision(), (not tf32, not tf32, benchmark)
                        )
                    self.assertEqual(self.precision(), (tf32, tf32, benchmark))
                    raise ValueError('in it')
                self.assertEqual(self.state(), before)

    def test_algorithms_are_tried_at_the_first_call(self):
        # Later calls get what cuDNN chose then.
        program = mock.Mock()
        program.scope.device = torch.device('cuda')
        program.run = lambda *args: torch.backends.cudnn.benchmark
        runner = Runner(
            program,
            cells=[],
            updates={},
            stored={},
            resident=[],
            tf32=True,
        )
        self.assertEqual([runner(), runner()], [True, True])
        with runner.settings(benchmark=False):
            self.assertFalse(torch.backends.cudnn.benchmark)

    def test_deterministic_algorithms(self):
        cudnn = torch.backends.cudnn
        self.addCleanup(setattr, cudnn, 'deterministic', cudnn.deterministic)
        cudnn.deterministic = True
        with cuda_settings(True, True):
            self.assertFalse(cudnn.benchmark)
