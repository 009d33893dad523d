import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import GRULayer, InputLayer, LSTMLayer, get_output
from theano.gof.graph import io_toposort
from theano.scan_module.scan_op import Scan
from theano.tensor.basic import Dot

from tests.engine.compare import EngineTest, values


def products(function):
    """How many products of matrices a function has, those in loops and those
    outside.
    """
    nodes = function.maker.fgraph.toposort()
    for node in list(nodes):
        if isinstance(node.op, Scan):
            nodes += io_toposort(node.op.inputs, node.op.outputs)
    return sum(isinstance(node.op, Dot) for node in nodes)


class LoopValuesTest(EngineTest):
    def setUp(self):
        self.x, self.w = T.dtensor3(), T.dmatrix()
        self.inputs = [self.x, self.w]
        self.values = (
            values('float64', 5, 2, 4, low=-1, high=1),
            values('float64', 4, 4, low=-1, high=1),
        )

    def modes(self):
        return super().modes()[:1]

    def loop(self, step=None, **options):
        """The states ``sigmoid(x_t + h w)``, or those of another step."""
        states, _ = theano.scan(
            step or (lambda x, h, w: T.nnet.sigmoid(x + T.dot(h, w))),
            sequences=self.x,
            outputs_info=options.pop('outputs_info', T.zeros_like(self.x[0])),
            non_sequences=self.w,
            **options,
        )
        return states

    def compare_gradients(self, states, left):
        """Check the gradients of the sum of squares, and how many products
        their graph has.
        """
        gradients = T.grad(T.sqr(states).sum(), self.inputs)
        functions = self.compiled(self.inputs, gradients)
        self.assert_agree(functions, self.values)
        self.assertEqual(products(functions[1]), left)

    def test_products_are_not_computed_again(self):
        def step(x, h, w):
            return T.tanh(T.dot(T.exp(-T.sqr(x + T.dot(h, w))), w))

        # The second product gives the state, which Theano reads anyway. If the
        # first were computed again, there would be nine.
        self.compare_gradients(self.loop(step), 8)

    def test_several_earlier_states(self):
        def step(x, before, last, w):
            return T.tanh(T.sqr(T.dot(before, w)) + last * T.dot(last, w) + x)

        states = self.loop(
            step,
            outputs_info={'initial': T.sqr(self.x[:2]), 'taps': [-2, -1]},
        )
        self.compare_gradients(states, 6)  # instead of 8

    def test_several_results(self):
        def step(x, h, w):
            middle = T.dot(T.sqr(h), w)
            return T.sin(middle) + x, T.cos(middle)

        states, others = self.loop(
            step, outputs_info=[T.ones_like(self.x[0]), None]
        )
        self.compare_gradients(states * others, 3)  # instead of 4

    def test_other_directions_and_numbers_of_steps(self):
        for options in (
            {'n_steps': 3},
            {'truncate_gradient': 3, 'go_backwards': True},
        ):
            with self.subTest(options=options):

                def step(x, h, w):
                    return T.sin(x + T.sqr(T.dot(h, w)))

                # Instead of 4, as below.
                self.compare_gradients(self.loop(step, **options), 3)

    def test_a_state_before_the_first(self):
        start = T.dmatrix()
        states = self.loop(
            lambda x, h, w: T.sin(x + T.sqr(T.dot(h, w))), outputs_info=start
        )
        inputs = [*self.inputs, start]
        self.assert_same(
            inputs,
            T.grad(states[1:].sum(), inputs),
            *self.values,
            values('float64', 2, 4),
        )

    def test_second_derivatives(self):
        first = T.grad(T.sqr(self.loop()).sum(), self.x)
        self.assert_same(
            self.inputs, T.grad(T.sqr(first).sum(), self.inputs), *self.values
        )

    def test_two_gradients_of_one_loop(self):
        states = self.loop(lambda x, h, w: T.sin(x + T.sqr(T.dot(h, w))))
        outputs = [
            T.grad(T.sqr(states).sum(), self.w),
            T.grad(states[-1].sum(), self.w),
            states,
        ]
        self.assert_same(self.inputs, outputs, *self.values)

    def test_sequences_that_are_not_those_of_the_loop(self):
        # The second loop runs over the same states, but not in reverse order,
        # or not over all.
        states = self.loop()

        def step(h, w):
            return T.exp(T.dot(h, w))

        outputs = [
            theano.scan(step, sequences=part, non_sequences=self.w)[0]
            for part in (states, states[::-1][1:], states[1:][::-1][:2])
        ]
        self.assert_same(self.inputs, outputs, *self.values)

    def test_loops_that_stay(self):
        def step(x, h, w):
            return T.sin(x + T.sqr(T.dot(h, w)))

        for states, left in (
            (self.loop(lambda x, h, w: T.tanh(x * h + w.sum())), 0),
            (self.loop(step, mode='FAST_RUN'), 4),
        ):
            self.compare_gradients(states, left)

    def test_loops_that_may_end_early_stay(self):
        self.set_flags(cxx='')
        states = self.loop(
            lambda x, h, w: (
                T.sin(x + T.sqr(T.dot(h, w))),
                theano.scan_module.until(x.sum() > 1e9),
            )
        )
        gradient = T.grad(T.sqr(states).sum(), self.w)
        # Without Theano's optimisations, it cannot compute the gradient.
        function, expected = (
            theano.function(self.inputs, gradient, mode=mode)
            for mode in (self.modes()[0], 'FAST_RUN')
        )
        np.testing.assert_allclose(
            function(*self.values), expected(*self.values), 1e-9
        )
        self.assertEqual(products(function), 4)

    def test_layers(self):
        self.set_flags(floatX='float64')
        mask = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], 'float64')
        for layer, options in (
            (LSTMLayer, {'backwards': True, 'gradient_steps': 3}),
            (GRULayer, {'unroll_scan': False}),
        ):
            with self.subTest(layer=layer.__name__, **options):
                inputs = InputLayer((2, 5, 3)), InputLayer((2, 5))
                network = layer(inputs[0], 4, mask_input=inputs[1], **options)
                x, m = T.dtensor3(), T.dmatrix()
                states = get_output(network, dict(zip(inputs, (x, m))))
                parameters = network.get_params(trainable=True)
                self.assert_same(
                    [x, m],
                    T.grad(T.sqr(states).sum(), parameters),
                    values('float64', 2, 5, 3, low=-1, high=1),
                    mask,
                    tolerance=1e-6,
                )
