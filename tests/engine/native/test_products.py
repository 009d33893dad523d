from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from theano.configparser import change_flags

from tests.engine.compare import torch, values
from tests.engine.native.common import NativeTest

if torch:
    from kneerepro.engine.fused.channel_sums import Moments, ProductSums
    from kneerepro.engine.native import function as native


class ProductsTest(NativeTest):
    def test_products_in_all_orders_of_memory(self):
        x, y, v, w = T.matrix(), T.matrix(), T.vector(), T.vector()
        self.assert_same_native(
            [x, y, v, w],
            [
                x.dot(y),
                y.T.dot(x.T),
                x.T.dot(x),
                x.dot(x.T),
                x.dot(v),
                w.dot(x),
                v.dot(v),
                T.outer(v, w),
                x[:, :1].dot(v[None, :1]),
            ],
            values('float32', 3, 4),
            values('float32', 4, 5),
            values('float32', 4),
            values('float32', 3),
        )

    def test_reductions(self):
        x = T.tensor3()
        self.assert_same_native(
            [x],
            [
                x.sum(),
                x.sum(0),
                x.sum((1, 2)),
                x.dimshuffle(2, 0, 1).sum(1),
                x.mean(1),
                x.prod(2),
                x.max(),
                x.min(1),
                x.max((0, 2)),
                x.argmax(1),
                *T.max_and_argmax(x, 0),
                x.var(),
                T.cast(x, 'int8').sum(1),
                (x > 0).sum(),
            ],
            values('float32', 3, 4, 5),
        )

    def test_sums_for_each_channel(self):
        for shape in (4, 3), (2, 3, 2, 2):
            x, g = (
                T.TensorType('float32', (False,) * len(shape))()
                for _ in range(2)
            )
            vector = T.fvector()
            self.assert_same_native(
                [x, g, vector],
                [
                    *Moments()(x),
                    *ProductSums()(g, x),
                    *ProductSums()(g, x, vector),
                ],
                values('float32', *shape) + 10,
                values('float32', *shape),
                values('float32', 3),
            )

    def test_nan(self):
        x = T.matrix()
        self.assert_same_native(
            [x],
            [x.max(0), x.min(1), x.argmax(1), x.sum(0)],
            np.float32([[1, np.nan, 3], [np.nan, 5, np.nan]]),
        )

    def test_empty(self):
        x, y = T.matrix(), T.matrix()
        self.assert_same_native(
            [x, y],
            [x.sum(0), x.sum(), x.dot(y), y.prod(1), x + 1],
            values('float32', 2, 0),
            values('float32', 0, 3),
        )

    def test_long_sums_are_precise(self):
        x = T.vector()
        with change_flags(floatX='float32'):
            f = self.function([x], [x.sum(), x.mean()])
        numbers = np.full(100_000, 0.1, 'float32')
        f(numbers)
        self.assertEqual(self.versions(f), 1)
        total, mean = f(numbers)
        self.assertLess(abs(total / (100_000 * float(numbers[0])) - 1), 1e-6)
        self.assertLess(abs(mean / float(numbers[0]) - 1), 1e-6)

    def test_large_products_are_left_to_pytorch(self):
        x = T.matrix()
        f = self.function([x], x.dot(x))
        with mock.patch.object(native, '_MIN_SPEED_UP', 1):
            for _ in range(2):
                f(np.ones((300, 300), theano.config.floatX))
        self.assertEqual(self.versions(f), 0)
