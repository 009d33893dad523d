"""Results in the memory of inputs that nobody needs any more."""

import numpy as np
import theano
import theano.tensor as T
from theano.ifelse import ifelse

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


class ReuseTest(EngineTest):
    def setUp(self):
        self.x, self.y = T.matrices('xy')
        self.product = T.dot(self.x, self.y)  # memory of its own

    def check(self, count, outputs):
        """How many results lie where an input was; and the numbers."""
        inputs = [self.x, self.y]
        data = [values('float32', 4, 4) for _ in inputs]
        given = [array.copy() for array in data]
        function = theano.function(
            inputs, outputs, mode=torch_mode(DEVICE, cuda_graphs=False)
        )
        function(*data)
        self.assertEqual(
            function.fn.program.source.count('out='),
            count,
            function.fn.program.source,
        )
        for array, before in zip(data, given):
            np.testing.assert_array_equal(array, before)
        self.assert_same(inputs, outputs, *data, tolerance=2e-5)

    def test_chain(self):
        # All but the absolute value, whose input the difference needs too.
        z = T.sqr(T.exp(self.product / 100))
        self.check(5, [z - T.sqrt(abs(z)).sum()])

    def test_inputs_are_left_alone(self):
        self.check(0, [self.x + 1, self.x.T * 2, self.y.flatten() - 1])

    def test_outputs_are_left_alone(self):
        self.check(0, [self.product, self.product + 1])

    def test_what_is_needed_later(self):
        # The last one alone may have it.
        z = T.sqr(self.product)
        self.check(2, [T.dot(z, self.y), z + 3, z * 2])
        self.check(2, [T.dot(z, z) + z])

    def test_one_input_several_times(self):
        z = self.product
        self.check(1, [z + self.x + z])
        self.check(1, [T.sqr(z) * z])

    def test_views(self):
        z = self.product
        self.check(0, [z.flatten(), T.dot(self.y, z.T), z + 1])
        self.check(0, [T.split(z, [1, 3], 2)[0], z + 1])
        self.check(0, [T.alloc(z, 2, 4, 4), z * 2])
        self.check(0, [z[1:].sum(0), z * 2])

    def test_gradient_at_zero(self):
        # Which zeros there were is asked before they are overwritten.
        for z in (
            T.nnet.relu(self.product),
            T.nnet.relu(self.product, 0.2),
            self.product - abs(self.product),
        ):
            w = T.grad((z * self.y).sum(), self.product)
            rows = values('float32', 4, 4)
            rows[1] = 0
            self.assert_same(
                [self.x, self.y],
                [z.sum(), w, T.sqr(w)],
                rows,
                values('float32', 4, 4),
                tolerance=2e-5,
            )
            self.assert_same(
                [self.x, self.y],
                [z.sum(), T.dot(w, self.x)],
                rows,
                values('float32', 4, 4),
                tolerance=2e-4,
            )

    def test_rows_are_no_matrix(self):
        row = T.exp(T.dot(self.x[:1], self.y) / 100)
        self.check(1, [T.addbroadcast(row, 0) + self.x])

    def test_other_types(self):
        self.check(0, [self.product > 0, T.cast(self.product, 'float64') + 1])

    def test_branches(self):
        z = self.product
        self.check(0, [ifelse(T.gt(self.x.sum(), 0), z + 1, z * 2)])
