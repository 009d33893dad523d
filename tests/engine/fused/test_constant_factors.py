import numpy as np
import theano
import theano.tensor as T
from theano.tensor.elemwise import Elemwise

from tests.engine.compare import values
from tests.engine.fused.helpers import FusedTest


class ConstantFactorsTest(FusedTest):
    def setUp(self):
        self.x, self.y = T.dtensor4(), T.dtensor4()
        self.c, self.d = T.dvectors(2)

    def along_channels(self, vector):
        return vector.dimshuffle('x', 0, 'x', 'x')

    def passes(self, outputs):
        """How many elementwise operations on whole images there are, with
        the rewrites and without. The values are compared as well."""
        inputs = [self.x, self.y, self.c, self.d]
        self.assert_same(
            inputs,
            outputs,
            *(values('float64', 2, 3, 4, 5) for _ in range(2)),
            *(values('float64', 3, low=1) for _ in range(2)),
        )
        return [
            sum(
                isinstance(node.op, Elemwise)
                and node.outputs[0].broadcastable == (False,) * 4
                for node in theano.function(
                    inputs, outputs, mode=mode, on_unused_input='ignore'
                ).maker.fgraph.apply_nodes
            )
            for mode in self.modes()[:2]
        ]

    def test_float16_does_not_overflow(self):
        x, c = (
            T.TensorType('float16', (False,) * 2)(),
            T.TensorType('float16', (False,))(),
        )
        (found,) = self.assert_same(
            [x, c],
            [(x * c.dimshuffle(0, 'x')).sum(1)],
            np.full((2, 100), 1000, 'float16'),
            np.full(2, 1e-2, 'float16'),
        )
        self.assertTrue(np.isfinite(found).all())

    def test_sum_of_a_product(self):
        c, d = map(self.along_channels, (self.c, self.d))
        for total, found in [
            ((self.x * c).sum((0, 2, 3)), 0),
            ((self.x * c / d).sum((0, 2, 3)), 0),
            ((2 * self.x * self.y * c * d).sum((0, 2, 3)), 1),
            ((self.x * c).sum((2, 3)), 0),
        ]:
            passes, before = self.passes([total])
            self.assertEqual(passes, found)
            self.assertGreaterEqual(before, 1)

    def test_quotient(self):
        c, d = map(self.along_channels, (self.c, self.d))
        self.assertEqual(self.passes([self.x * c / d]), [1, 2])

    def test_factors_that_are_not_constant(self):
        c, d = map(self.along_channels, (self.c, self.d))
        product = self.x * c
        for outputs in (
            [product.sum()],
            [product.sum(1)],
            [(c / self.x).sum((0, 2, 3))],
            [self.x * c / self.y],
            [product / d, product + d],
            [T.sum(c * d, (0, 2, 3))],
        ):
            passes, before = self.passes(outputs)
            self.assertEqual(passes, before)

    def test_batch_normalisation(self):
        mean = self.x.mean((0, 2, 3))
        centred = self.x - self.along_channels(mean)
        variance = T.sqr(centred).mean((0, 2, 3))
        y = centred * self.along_channels(
            self.c / T.sqrt(variance + 1e-4)
        ) + self.along_channels(self.d)
        passes, before = self.passes(
            [
                y,
                *T.grad(
                    None, [self.x, self.c, self.d], known_grads={y: self.y}
                ),
            ]
        )
        # Forward: the deviation from the mean, its square, and scaling with
        # shifting. Backward: two products, a product with a sum, and a sum.
        self.assertEqual(passes, 7)
        self.assertGreater(before, passes)
