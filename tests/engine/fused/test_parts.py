import numpy as np
import theano
import theano.tensor as T

from tests.engine.compare import torch, values
from tests.engine.fused.helpers import FusedTest

if torch:
    from kneerepro.engine.fused.parts import PutParts


class PartsTest(FusedTest):
    def setUp(self):
        self.x = T.dmatrix()

    def gradient(self, *parts):
        """The gradient of functions of several parts of a matrix."""
        loss = sum(T.exp((i + 1) * part).sum() for i, part in enumerate(parts))
        return T.grad(loss, self.x)

    def compare(self, expected, *parts):
        """Check the gradient, and how many Ops put parts together."""
        output = self.gradient(*parts)
        for columns in 6, 8:
            self.assert_same(
                [self.x], output, values('float64', 3, columns, low=-1, high=1)
            )
        self.assert_fused({PutParts: expected}, [self.x], output)

    def test_parts_side_by_side(self):
        x = self.x
        self.compare(1, x[:, :2], x[:, 2:4], x[:, 4:6])
        self.compare(1, x[:, 3:6], x[:, :3])

    def test_gaps_are_zero(self):
        x = self.x
        self.compare(1, x[:, 1:2], x[:, 4:5])
        self.compare(1, x[:, :2], x[:, 3:])

    def test_rows(self):
        self.compare(1, self.x[:1], self.x[1:3])

    def test_parts_that_overlap_are_added(self):
        x = self.x
        self.compare(0, x[:, :3], x[:, 2:5])
        self.compare(0, x[:, 1:], x[:, 2:5])

    def test_parts_of_several_kinds_are_added(self):
        x = self.x
        self.compare(0, x[:, :2], x[:2])
        self.compare(0, x[:, ::2], x[:, 1::2])
        self.compare(0, x[:, -2:], x[:, :2])
        self.compare(0, x[:, 0], x[:, 1])

    def test_one_part(self):
        self.compare(0, self.x[:, 1:3])

    def test_sizes_that_vary(self):
        n = T.lscalar()
        output = self.gradient(self.x[:, :n], self.x[:, n:])
        self.assert_same(
            [self.x, n], output, values('float64', 3, 6), np.int64(2)
        )

    def test_parts_of_larger_tensors(self):
        x = T.ftensor4()
        loss = T.exp(x[:, :, 1:3]).sum() + T.sqr(x[:, :, 3:7]).sum()
        output = T.grad(loss, x)
        self.assert_same([x], output, values('float32', 2, 3, 8, 2, low=-1))
        self.assert_fused({PutParts: 1}, [x], output)

    def test_shape_is_known_without_the_values(self):
        output = self.gradient(self.x[:, :2], self.x[:, 2:4])
        function = theano.function(
            [self.x], output.shape, mode=self.modes()[0]
        )
        self.assertEqual(list(function(np.zeros((3, 7)))), [3, 7])
