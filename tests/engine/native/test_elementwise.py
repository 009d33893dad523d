import numpy as np
import theano.tensor as T

from tests.engine.compare import values
from tests.engine.native.common import NativeTest


class ElementwiseTest(NativeTest):
    def test_operations(self):
        x, y = T.matrices('xy')
        positive = abs(x) + 0.1
        self.assert_same_native(
            [x, y],
            [
                x + 2 * y - x / positive,
                T.exp(x) + T.log(positive) + T.sqrt(positive) + x**3,
                T.tanh(x) * T.nnet.sigmoid(y) + T.nnet.softplus(x),
                T.nnet.relu(x) + T.nnet.relu(y, 0.1) + T.sgn(x),
                T.switch(x > y, x, -y) + T.clip(x, -1, 1),
                T.maximum(x, y) + T.minimum(x, 0) + T.floor(y),
                T.eq(T.cast(x, 'int64'), 1) | T.isnan(y),
                T.cast(x, 'float64') + T.cast(y, 'int8'),
            ],
            values('float32', 3, 4),
            values('float32', 3, 4),
        )

    def test_broadcasting_and_other_orders_of_memory(self):
        x, row, column = T.matrix(), T.row(), T.col()
        self.assert_same_native(
            [x, row, column],
            [x + row * column, x.T - column.T, x[::-1] * 2, row * column],
            values('float32', 4, 3).T,
            values('float32', 1, 8)[:, ::2],
            values('float32', 3, 1),
        )

    def test_integers(self):
        x, y = T.ivectors('xy')
        self.assert_same_native(
            [x, y],
            [x // y, x % y, x * y - 3, x & y, T.cast(x, 'uint8') + 1],
            values('int32', 20),
            np.where(values('bool', 20), -3, 2).astype('int32'),
        )

    def test_special_numbers(self):
        x = T.vector()
        special = [0, -0.0, 1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan, 20]
        self.assert_same_native(
            [x],
            [
                T.nnet.sigmoid(x),
                T.nnet.softplus(x),
                T.maximum(x, 1),
                T.nnet.relu(x),
                T.log(abs(x)),
                T.isinf(x),
            ],
            np.float32(special),
        )
        # A sigmoid that is nearly 1 is not 1.
        f = self.function([x], 1 - T.nnet.sigmoid(x))
        f(np.float32([16]))
        self.assertGreater(f(np.float32([16]))[0], 0)

    def test_what_cannot_be_written_is_left_to_pytorch(self):
        x = T.zvector()
        f = self.function([x], x + 1)
        for _ in range(3):
            f([1j])
        self.assertEqual(self.versions(f), 0)
