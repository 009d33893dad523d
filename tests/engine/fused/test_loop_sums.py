import theano
import theano.tensor as T
from lasagne.layers import InputLayer, LSTMLayer, get_all_params, get_output
from theano.gof.graph import io_toposort
from theano.scan_module.scan_op import Scan
from theano.tensor import Sum

from tests.engine.compare import EngineTest, values
from tests.engine.fused.test_loop_products import recurrent


def sums_in_loops(function):
    """How many sums there are in the loops of a function."""
    return sum(
        isinstance(inner.op, Sum)
        for node in function.maker.fgraph.toposort()
        if isinstance(node.op, Scan)
        for inner in io_toposort(node.op.inputs, node.op.outputs)
    )


class LoopSumsTest(EngineTest):
    def setUp(self):
        self.x, self.w, self.b = T.dtensor3(), T.dmatrix(), T.dvector()
        self.inputs = [self.x, self.w, self.b]
        self.values = (
            values('float64', 5, 3, 4, low=-1),
            values('float64', 4, 4, low=-1),
            values('float64', 4, low=-1),
        )

    def modes(self):
        return super().modes()[:1]

    def states(self, step, **options):
        """The states of a loop over `x`."""
        states, _ = theano.scan(
            step,
            sequences=self.x,
            outputs_info=T.zeros_like(self.x[0]),
            non_sequences=[self.w, self.b],
            **options,
        )
        return states

    def compare(self, outputs, left):
        """Check the values of outputs, and how many sums stay in loops."""
        functions = self.compiled(self.inputs, outputs)
        self.assert_agree(functions, self.values)
        self.assertEqual(sums_in_loops(functions[1]), left)

    def test_gradient_by_a_bias(self):
        states = self.states(lambda x, h, w, b: T.tanh(T.dot(h, w) + x + b))
        for loss in T.sqr(states).sum(), T.exp(states[-1]).sum():
            self.compare(T.grad(loss, self.inputs), 0)

    def test_a_bias_that_is_added_twice(self):
        states = self.states(
            lambda x, h, w, b: T.tanh(T.dot(h, w) + b) + T.sin(x * h + b)
        )
        self.compare(T.grad(T.sqr(states).sum(), self.inputs), 0)

    def test_sums_of_several_shapes_stay(self):
        totals, _ = theano.scan(
            lambda x, total, w: total + T.exp(x).sum(0) + T.exp(w).sum(0),
            sequences=self.x,
            outputs_info=self.b,
            non_sequences=self.w,
        )
        self.compare(T.grad(T.sqr(totals[-1]).sum(), [self.w]), 1)

    def test_loops_that_end_early_stay(self):
        totals, _ = theano.scan(
            lambda x, total: (
                total + x.sum(0),
                theano.scan_module.until(x.sum() > 1e6),
            ),
            sequences=self.x,
            outputs_info=T.zeros_like(self.b),
        )
        self.compare([totals[-1]], 2)

    def test_totals_of_all_steps_stay(self):
        totals, _ = theano.scan(
            lambda x, total: total + x.sum(0),
            sequences=self.x,
            outputs_info=T.zeros_like(self.b),
        )
        self.compare([totals], 1)
        self.compare([totals[-1], totals[-2]], 1)

    def test_a_total_from_somewhere(self):
        totals, _ = theano.scan(
            lambda x, total: total + T.exp(x).sum(0),
            sequences=self.x,
            outputs_info=self.b,
        )
        self.assert_same(self.inputs, totals[-1], *self.values)

    def test_totals_that_count_twice_stay(self):
        totals, _ = theano.scan(
            lambda x, total: total + (x * total).sum(0),
            sequences=self.x,
            outputs_info=self.b,
        )
        self.compare([totals[-1]], 1)

    def test_other_sums_stay(self):
        for step, start in [
            (lambda x, total: total + x.sum(), self.b[0]),
            (lambda x, total: total - x.sum(0), self.b),
            (lambda x, total: total * 0.5 + x.sum(0), self.b),
            (lambda x, total: total + x.sum(0) + x[0], self.b),
        ]:
            totals, _ = theano.scan(step, sequences=self.x, outputs_info=start)
            self.compare([totals[-1]], 1)

    def test_layers(self):
        layer = LSTMLayer(InputLayer((3, 5, 4)), 6)
        x = self.x.dimshuffle(1, 0, 2).astype(theano.config.floatX)
        states = get_output(layer, x)
        parameters = get_all_params(layer, trainable=True)
        gradients = T.grad(T.sqr(states).sum(), parameters)
        # Those by the three connections from the cell.
        self.inputs, self.values = [self.x], self.values[:1]
        self.compare(gradients, 0)

    def test_a_network(self):
        v = T.dmatrix()
        states = recurrent(self.x, self.w, v)
        self.assert_same(
            [self.x, self.w, v],
            T.grad(T.sqr(states).sum(), [self.w, v]),
            *self.values[:2],
            self.values[1],
        )
