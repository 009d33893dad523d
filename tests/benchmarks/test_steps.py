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
