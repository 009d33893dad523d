import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam

from tests.engine.compare import DEVICE, FLOATS, as_for_cuda
from tests.engine.test_fused import FusedTest

try:
    from kneerepro.engine.fused.adam import AdamStep, AdamSteps
except ImportError:
    pass  # without PyTorch, EngineTest skips


class AdamTogetherTest(FusedTest):
    def modes(self):
        """As for CUDA, where there is one call for all parameters."""
        mode = as_for_cuda()
        return [mode, mode.excluding('torch_adam_together')]

    def setUp(self):
        super().setUp()
        self.set_flags(floatX='float64')

    def parameters(self, dtype='float64'):
        rng = np.random.RandomState(5)
        return [
            theano.shared(np.asarray(rng.rand(*shape), dtype))
            for shape in ((3, 4), (4,), (2, 5, 3))
        ]

    def loss(self, parameters):
        w, b, v = parameters
        return T.sum(T.sqr(T.dot(T.sqr(v), w) - b))

    def steps_of(self, function):
        """The parameters of each call."""
        return [
            getattr(node.op, 'count', 1)
            for node in function.maker.fgraph.apply_nodes
            if isinstance(node.op, (AdamStep, AdamSteps))
        ]

    def test_values(self):
        for dtype in FLOATS:

            def run(mode):
                parameters = self.parameters(dtype)
                loss = self.loss(parameters)
                step = theano.function(
                    [], loss, mode=mode, updates=adam(loss, parameters, 0.01)
                )
                return [step() for _ in range(4)] + [
                    one.get_value() for one in parameters
                ]

            self.set_flags(floatX=dtype)
            self.assert_same_run(run)

    def test_one_call(self):
        parameters = self.parameters()
        step = theano.function(
            [],
            mode=self.modes()[0],
            updates=adam(self.loss(parameters), parameters),
        )
        self.assertEqual(self.steps_of(step), [3])
        arrays = [one.get_value(borrow=True) for one in parameters]
        step()
        if DEVICE == 'cpu':
            for one, array in zip(parameters, arrays):
                np.testing.assert_array_equal(one.get_value(), array)

    def test_rates_and_types_apart(self):
        w, b, v = self.parameters()
        u = self.parameters('float32')[1]
        loss = self.loss([w, b, v])
        updates = adam(loss, [w, b], 0.1)
        updates.update(adam(loss, [v], 0.2))
        self.set_flags(floatX='float32')
        updates.update(adam(T.sum(T.sqr(u)), [u], 0.1))
        step = theano.function([], mode=self.modes()[0], updates=updates)
        self.assertEqual(sorted(self.steps_of(step)), [1, 1, 2])
        step()

    def test_one_after_the_other(self):
        # The gradient of one parameter is taken at the new value of another.
        def run(mode):
            w, b, v = self.parameters()
            updates = adam(self.loss([w, b, v]), [w], 0.01)
            loss = self.loss([updates[w], b, v])
            updates.update(adam(T.grad(loss, [b, v]), [b, v], 0.01))
            step = theano.function([], loss, mode=mode, updates=updates)
            return [step() for _ in range(3)] + [
                one.get_value() for one in (w, b, v)
            ]

        self.assert_same_run(run)

    def test_old_values_are_read_before(self):
        def run(mode):
            parameters = self.parameters()
            updates = adam(self.loss(parameters), parameters, 0.01)
            step = theano.function(
                [],
                [2 * one for one in parameters]
                + [updates[one] for one in parameters],
                mode=mode,
                updates=updates,
            )
            return [value for _ in range(2) for value in step()]

        self.assert_same_run(run)

    def test_wrong_shape(self):
        w, v, g = (theano.shared(np.ones(3)) for _ in range(3))
        step = theano.function(
            [], mode=self.modes()[0], updates=adam([g, g], [w, v])
        )
        step()
        g.set_value(np.ones(4))
        with self.assertRaisesRegex(ValueError, 'mis-match'):
            step()
