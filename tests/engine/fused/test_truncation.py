import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne import layers as L
from lasagne.layers import get_all_params, get_output
from theano.tensor.basic import Join

from tests.engine.compare import EngineTest, values


class TruncationTest(EngineTest):
    def test_map(self):
        # Theano's optimised gradient is only as long as the truncation.
        x = T.dvector()
        for truncation in 1, 2, 6, 9, -1:
            y, _ = theano.scan(
                T.sqr, sequences=x, truncate_gradient=truncation
            )
            self.assert_same(
                [x], [y, T.grad(y.sum(), x)], values('float64', 6)
            )

    def test_loops(self):
        x, start, w = T.dmatrix(), T.dvector(), T.dmatrix()
        for truncation in 1, 3, -1:
            (states, squares), _ = theano.scan(
                lambda row, state, w: (
                    T.tanh(T.dot(state, w) + row),
                    T.sqr(row),
                ),
                sequences=x,
                outputs_info=[start, None],
                non_sequences=w,
                truncate_gradient=truncation,
            )
            self.assert_same(
                [x, start, w],
                T.grad((states[-1] + squares).sum(), [x, start, w]),
                values('float64', 5, 3),
                values('float64', 3),
                values('float64', 3, 3, low=-1, high=1),
            )

    def test_only_truncated_gradients_change(self):
        x = T.dmatrix()
        for truncation, joined in (2, 1), (-1, 0):
            states, _ = theano.scan(
                lambda row, state: T.tanh(state * row),
                sequences=x,
                outputs_info=T.ones((3,), 'float64'),
                truncate_gradient=truncation,
            )
            function = theano.function(
                [x], [states, T.grad(states.sum(), x)], mode=self.modes()[0]
            )
            nodes = function.maker.fgraph.toposort()
            self.assertEqual(
                sum(isinstance(node.op, Join) for node in nodes), joined
            )


class RecurrentLayerTest(EngineTest):
    def modes(self):
        return super().modes()[:1]

    def test_masks(self):
        self.set_flags(floatX='float64')
        rng = lasagne.random.get_rng()
        self.addCleanup(lasagne.random.set_rng, rng)
        lasagne.random.set_rng(np.random.RandomState(1))
        x, mask = T.dtensor3(), T.dmatrix()
        incoming = L.InputLayer((2, 5, 3), x)
        for layer_class in L.RecurrentLayer, L.LSTMLayer, L.GRULayer:
            with self.subTest(layer_class.__name__):
                layer = layer_class(
                    incoming,
                    4,
                    gradient_steps=2,
                    mask_input=L.InputLayer((2, 5), mask),
                )
                loss = T.mean(T.sqr(get_output(layer) - 0.3))
                self.assert_same(
                    [x, mask],
                    [loss, *T.grad(loss, get_all_params(layer))],
                    values('float64', 2, 5, 3),
                    np.float64([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
                )
