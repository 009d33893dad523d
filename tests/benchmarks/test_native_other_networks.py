"""The networks that are not the thesis's, in Lasagne and in PyTorch alone.

Covers other_networks.py and native_other_networks.py.
"""

import unittest

import lasagne
import numpy as np
from theano.configparser import change_flags

from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch
from tests.benchmarks.parameters import copy_parameters

if torch is not None:
    from kneerepro.engine import torch_mode


@NEEDS_TORCH
class TrainingStepTest(unittest.TestCase):
    def test_both_implementations_have_the_same_losses(self):
        # In float32, a rounding error may change the sign of a rectifier's
        # input.
        flags = change_flags(floatX='float64')
        flags.__enter__()
        self.addCleanup(flags.__exit__)
        rng = np.random.RandomState(0)
        self.addCleanup(lasagne.random.set_rng, lasagne.random.get_rng())
        lasagne.random.set_rng(rng)
        other_networks = benchmark('other_networks')
        native = benchmark('native_other_networks')
        for name, sizes in (
            ('resnet', {}),
            ('unet3d', dict(depth=8, rows=8, columns=16)),
        ):
            with self.subTest(name):
                ours = getattr(other_networks, 'build_' + name)(**sizes)
                train = getattr(other_networks, 'compile_' + name)(
                    ours, mode=torch_mode('cpu')
                )
                theirs, step = native.training_step(name)
                theirs.double()
                copy_parameters(ours, theirs)
                x_shape, y_shape = {
                    'resnet': ((4, 3, 32, 32), 4),
                    'unet3d': ((2, 1, 8, 8, 16), (2, 8, 8, 16)),
                }[name]
                x = rng.rand(*x_shape)
                y = rng.randint(4, size=y_shape).astype('int32')
                expected = [float(train(x, y)) for _ in range(3)]
                inputs = torch.from_numpy(x), torch.from_numpy(y).long()
                found = [
                    loss.item() for _ in range(3) for loss in step(*inputs)
                ]
                # Lasagne's Adam adds epsilon before the bias correction,
                # PyTorch's after it.
                np.testing.assert_allclose(
                    found, expected, rtol=1e-7 if name == 'resnet' else 1e-4
                )
                self.assertGreater(abs(expected[0] / expected[2] - 1), 1e-2)
