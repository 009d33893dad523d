import unittest
from unittest import mock

import numpy as np

from tests.benchmarks.common import NEEDS_TORCH, benchmark


@NEEDS_TORCH
class CompileStepTest(unittest.TestCase):
    def test_other_networks_on_the_engine(self):
        steps, networks = benchmark('steps'), benchmark('other_networks')
        for name, x_shape, y_shape in (
            ('resnet', (2, 3, 32, 32), (2,)),
            ('unet3d', (1, 1, 8, 64, 64), (1, 8, 64, 64)),
        ):
            train = mock.Mock(return_value=np.float32(0.5))
            with mock.patch.object(
                networks, 'compile_' + name, return_value=train
            ):
                step = steps.compile_step(
                    name, 'torch', 'cpu', x_shape[0], depth=8
                )
            self.assertEqual(step(), [0.5])
            (x, y), _ = train.call_args
            self.assertEqual((x.shape, y.shape), (x_shape, y_shape))
            self.assertEqual((x.dtype, y.dtype), ('float32', 'int32'))
            self.assertLess(y.max(), networks.CLASSES[name])

    def test_gans_of_volumes(self):
        from kneerepro import algorithms, networks

        functions = mock.Mock(
            train_critic=mock.Mock(return_value=np.float32(2)),
            train_generator=mock.Mock(return_value=np.float32(3)),
        )
        with (
            mock.patch.object(
                networks,
                'build_wgan_gp3d',
                return_value=('generator', 'critic'),
            ) as build,
            mock.patch.object(
                algorithms, 'compile_wgan_gp', return_value=functions
            ) as compile_,
        ):
            step = benchmark('steps').compile_step(
                'wgan_gp3d', 'torch', 'cpu', 2, depth=16
            )
        self.assertEqual(step(), [2, 3])
        build.assert_called_once_with(width=1, depth=16)
        self.assertEqual(compile_.call_args.args, ('generator', 'critic'))
        self.assertEqual(compile_.call_args.kwargs['batch_size'], 2)
        ((x,), _) = functions.train_critic.call_args
        self.assertEqual(x.shape, (2, 1, 16, 64, 64))
