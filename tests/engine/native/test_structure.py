import numpy as np
import theano.tensor as T

from tests.engine.compare import values
from tests.engine.native.common import NativeTest


class StructureTest(NativeTest):
    def test_shapes(self):
        x, v = T.matrix(), T.vector()
        self.assert_same_native(
            [x, v],
            [
                x.T.reshape((2, 6)),
                x.flatten(),
                x.dimshuffle(1, 'x', 0),
                T.concatenate([x, x[:, :2] * 2], 1),
                T.stack([v, v + 1]),
                T.alloc(v, 2, v.shape[0]),
                T.zeros_like(x),
                *T.split(v, [1, 3], 2),
                T.as_tensor_variable([v[0], v.sum(), 3.0]),
                x.shape,
            ],
            values('float32', 3, 4),
            values('float32', 4),
        )

    def test_parts(self):
        x, y = T.matrix(), T.vector()
        self.assert_same_native(
            [x, y],
            [
                x[1:3, ::-1],
                x[-1] * 2,
                x[::2, 3],
                T.set_subtensor(x[1:3], y),
                T.inc_subtensor(x[:, 0], 1),
                T.inc_subtensor(x[::-2, 1:], y[1:]),
            ],
            values('float32', 5, 4),
            values('float32', 4),
        )

    def test_gradients_of_several_parts(self):
        x = T.matrix()
        for parts in (x[:, :1], x[:, 1:]), (x[:, 2:3], x[:, :1]):
            loss = sum((part**3).sum() for part in parts)
            self.assert_same_native(
                [x], [T.grad(loss, x)], values('float32', 2, 4)
            )

    def test_rows_by_numbers(self):
        x, rows = T.matrix(), T.ivector()
        f = self.assert_same_native(
            [x, rows],
            [
                x[rows] * 2,
                T.inc_subtensor(x[rows], 1),
                T.set_subtensor(x[rows], x[:3]),
            ],
            values('float32', 5, 2),
            np.int32([4, -1, 0]),
        )
        # The error is that of PyTorch's kernel.
        for wrong in 5, -6:
            with self.assertRaises(IndexError):
                f(values('float32', 5, 2), np.int32([0, wrong, 0]))

    def test_indices_that_vary(self):
        x, i = T.matrix(), T.lscalar()
        f = self.assert_same_native(
            [x, i],
            [x[2 * i : 2 * (i + 1)] + 1, x[i]],
            values('float32', 7, 2),
            1,
        )
        data = values('float32', 7, 2)
        for k in 0, 2, -2:
            part, row = f(data, k)
            np.testing.assert_array_equal(part, data[2 * k : 2 * (k + 1)] + 1)
            np.testing.assert_array_equal(row, data[k])
        # The last minibatch is smaller, and has a version of its own.
        self.assertEqual(self.versions(f), 1)
        self.assertEqual(len(f(data, 3)[0]), 1)
        with self.assertRaises(IndexError):
            f(data, 7)

    def test_sizes_that_vary(self):
        n, x = T.lscalar(), T.vector()
        f = self.function([n, x], [T.alloc(1.0, n) * 2, x + 1])
        for size in 2, 3, 2, 3:
            self.assertEqual(f(size, [1])[0].tolist(), [2] * size)
        self.assertEqual(self.versions(f), 2)
