import numpy as np
import theano
import theano.tensor as T
from theano.scalar import Composite

from tests.engine.compare import torch, values
from tests.engine.kernels.test_loops import LoopTestCase

if torch:
    from kneerepro.engine.fused import loop_groups


class LoopGroupsTest(LoopTestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = T.fmatrices('xy')
        self.values = [
            values('float32', 30, 40, low=-2, high=2) for _ in range(2)
        ]

    def loops(self, inputs, outputs):
        """The numbers of inputs and outputs of each loop."""
        function = theano.function(inputs, outputs, mode=self.modes()[0])
        return sorted(
            (len(node.inputs), len(node.outputs))
            for node in function.maker.fgraph.apply_nodes
            if isinstance(getattr(node.op, 'scalar_op', None), Composite)
        )

    def compare(self, expected, outputs):
        """Check outputs, and the inputs and outputs of the loops."""
        inputs = [self.x, self.y]
        self.assert_same(inputs, outputs, *self.values)
        self.assertEqual(self.loops(inputs, outputs), expected)

    def test_results_that_others_need(self):
        middle = T.tanh(self.x * self.y)
        self.compare([(2, 2)], [middle, T.sqr(middle) + self.x])
        product = T.dot(middle, self.y.T)
        self.compare(
            [(2, 2)], [T.dot(middle, self.y.T), T.exp(middle) - self.x]
        )
        # The addition needs the product, so it has to come later.
        self.compare(
            [(2, 2)],
            T.exp(middle) * self.x + T.sqr(product[:, :1]).sum(),
        )

    def test_no_loop_needs_itself(self):
        middle = T.sqr(self.x) + self.y
        sums = T.cumsum(middle, 1)
        # One loop would have to run before the sums, and after them.
        self.compare([(2, 1), (2, 1)], T.tanh(middle * sums) - middle)

    def test_no_two_loops_need_each_other(self):
        a = T.sqr(self.x) * 2
        b = T.sqr(self.y) * 3
        outputs = [a * T.cumsum(b, 0) + a, b * T.cumsum(a, 0) + b]
        self.assert_same([self.x, self.y], outputs, *self.values)

    def test_other_shapes_have_loops_of_their_own(self):
        total = T.sqr(self.x).sum(0)
        root = T.sqrt(total + 1) * total
        self.compare(
            [(2, 1), (3, 1)], [root, (self.x - self.y) * self.x + root.sum()]
        )

    def test_few_inputs(self):
        inputs = T.fmatrices(40)
        total = inputs[0]
        for x in inputs[1:]:
            total = T.sqr(total) * 0.5 + x
        for count, _ in self.loops(inputs, [total]):
            self.assertLessEqual(count, loop_groups._MOST_INPUTS)
        self.assert_same(
            inputs,
            total,
            *(values('float32', 4, 5, low=0, high=1) for _ in inputs),
        )

    def test_few_results(self):
        outputs = [self.x * self.y]
        for _ in range(20):
            outputs.append(T.tanh(outputs[-1]) + self.x)
        for _, count in self.loops([self.x, self.y], outputs):
            self.assertLessEqual(count, loop_groups._MOST_OUTPUTS)
        self.assert_same([self.x, self.y], outputs, *self.values)

    def test_long_chains(self):
        x = self.x
        for _ in range(100):
            x = T.tanh(x) * 0.5 + self.x
        self.assertGreater(len(self.loops([self.x], [x])), 3)
        self.assert_same([self.x], x, self.values[0])

    def test_gaps_in_memory(self):
        x, y = self.x, self.y
        left, right = T.nnet.sigmoid(x[:, :20]), T.tanh(x[:, 20:])
        outputs = [left, left * right + y[:, 5:25], right]
        self.assert_same([x, y], outputs, *self.values)
        # With rows that are too short for loops of their own, with rows that
        # are not in one piece, and with none.
        left, right = T.exp(x[:, :3]), T.sqr(x[:, 3:6])
        self.assert_same([x, y], [left, left * right], *self.values)
        for array in (
            np.asfortranarray(self.values[0]),
            self.values[0][:, ::-1],
            self.values[0][::-2],
            self.values[0][:0],
        ):
            outputs = [T.exp(x[:, :20]) * x[:, 20:], T.exp(x[:, :20])]
            self.assert_same([x], outputs, array)

    def test_vectors_beside_gaps(self):
        v = T.fvector()
        outputs = [
            T.nnet.sigmoid(self.x[:, 5:25] * v + self.y[:, :20]),
            T.sqr(self.x[:, 5:25] * v),
        ]
        for n in 1, 2:
            torch.set_num_threads(n)
            self.assert_same(
                [self.x, self.y, v],
                outputs,
                *self.values,
                values('float32', 20),
            )

    def test_shapes_that_do_not_fit(self):
        middle = T.tanh(self.x * self.y)
        function = theano.function(
            [self.x, self.y],
            [middle, T.sqr(middle) + self.x],
            mode=self.modes()[0],
        )
        with self.assertRaisesRegex(ValueError, 'mis-match'):
            function(self.values[0], self.values[1][:1])

    def test_one_result_may_be_needed_twice(self):
        a = T.tanh(self.x + self.y)
        b = T.tanh(self.y + self.x)
        self.assert_same([self.x, self.y], [a, b, a * b, a + 1], *self.values)
