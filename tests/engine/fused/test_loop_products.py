import theano
import theano.tensor as T
from theano.gof.graph import io_toposort
from theano.scan_module.scan_op import Scan
from theano.tensor.basic import Dot

from tests.engine.compare import EngineTest, values


def products_in_loops(function):
    """How many products each loop of a function has."""
    return [
        sum(
            isinstance(inner.op, Dot)
            for inner in io_toposort(node.op.inputs, node.op.outputs)
        )
        for node in function.maker.fgraph.toposort()
        if isinstance(node.op, Scan)
    ]


def recurrent(x, w, v, **options):
    """A recurrent network: ``tanh(x_t w + h v)``."""
    states, _ = theano.scan(
        lambda row, state, w, v: T.tanh(T.dot(row, w) + T.dot(state, v)),
        sequences=x,
        outputs_info=T.zeros_like(T.dot(x[0], w)),
        non_sequences=[w, v],
        **options,
    )
    return states


class LoopProductsTest(EngineTest):
    def setUp(self):
        self.x, self.w, self.v = T.dtensor3(), T.dmatrix(), T.dmatrix()
        self.inputs = [self.x, self.w, self.v]
        self.values = (
            values('float64', 5, 2, 3, low=-1),
            values('float64', 3, 4, low=-1),
            values('float64', 4, 4, low=-1),
        )

    def on_engine(self, outputs, inputs=None):
        return theano.function(
            inputs or self.inputs, outputs, mode=self.modes()[0]
        )

    def test_of_matrices(self):
        states = recurrent(*self.inputs)
        self.assert_same(self.inputs, states, *self.values)
        self.assertEqual(products_in_loops(self.on_engine(states)), [1])

    def test_gradient_that_computes_steps_again(self):
        gradients = T.grad(
            T.sqr(recurrent(*self.inputs)).sum(), [self.w, self.v]
        )
        self.assert_same(self.inputs, gradients, *self.values)
        # The state by v in the loop, and its derivative in the gradient.
        self.assertEqual(products_in_loops(self.on_engine(gradients)), [1, 1])

    def test_of_vectors(self):
        x = T.dmatrix()
        inputs = [x, self.w, self.v]
        states = recurrent(*inputs)
        given = values('float64', 5, 3, low=-1), *self.values[1:]
        self.assert_same(inputs, T.grad(states.sum(), inputs), *given)
        self.assertEqual(
            products_in_loops(self.on_engine(states, inputs)), [1]
        )

    def test_other_steps_than_the_sequence_has(self):
        for options in {'n_steps': 3}, {'go_backwards': True}:
            states = recurrent(*self.inputs, **options)
            self.assert_same(self.inputs, states, *self.values)
            self.assertEqual(products_in_loops(self.on_engine(states)), [1])

    def test_second_derivatives(self):
        first = T.grad(recurrent(*self.inputs).sum(), self.x)
        self.assert_same(
            self.inputs, T.grad(T.sqr(first).sum(), self.inputs), *self.values
        )

    def test_loops_with_a_mode_stay(self):
        states = recurrent(*self.inputs, mode='FAST_RUN')
        self.assert_same(self.inputs, states, *self.values)
        self.assertEqual(products_in_loops(self.on_engine(states)), [2])

    def test_loops_that_may_end_early_stay(self):
        y, _ = theano.scan(
            lambda row, w: (
                T.dot(row, w),
                theano.scan_module.until(row.sum() > 1e9),
            ),
            sequences=self.x,
            non_sequences=self.w,
        )
        inputs = [self.x, self.w]
        self.assert_same(inputs, y, *self.values[:2])
        self.assertEqual(products_in_loops(self.on_engine(y, inputs)), [1])
