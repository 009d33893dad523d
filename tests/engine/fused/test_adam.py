import itertools

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam
from theano.configparser import change_flags

from tests.engine.compare import DEVICE, FLOATS, cuda_rewrites_mode, torch
from tests.engine.fused.helpers import FusedTest

if torch:
    from kneerepro.engine.fused.adam import AdamStep, AdamSteps


class AdamTest(FusedTest):
    def setUp(self):
        super().setUp()
        self.set_flags(floatX='float64')

    def train(self, mode, dtype='float64', steps=4, order='C', **settings):
        """Losses and parameters of a small network, trained for some steps
        with Lasagne's adam."""
        rng = np.random.RandomState(2)
        x = T.tensor(dtype, (False,) * 2)
        w = theano.shared(np.array(rng.rand(3, 4), dtype, order=order))
        b = theano.shared(np.zeros(4, dtype))
        loss = T.sum(T.sqr(T.tanh(T.dot(x, w) + b) - 0.3))
        settings = dict(dict(learning_rate=0.01), **settings)
        function = theano.function(
            [x], [loss, w], mode=mode, updates=adam(loss, [w, b], **settings)
        )
        outputs = [
            function(rng.rand(5, 3).astype(dtype)) for _ in range(steps)
        ]
        return [np.asarray(value) for value in itertools.chain(*outputs)] + [
            variable.get_value() for variable in function.get_shared()
        ]

    def test_steps(self):
        for dtype in FLOATS:
            with change_flags(floatX=dtype):
                self.assert_same_run(lambda mode: self.train(mode, dtype))

    def test_settings(self):
        for settings in [
            dict(beta1=0.5, beta2=0.5),
            dict(beta1=0.5),
            dict(beta2=0.9, epsilon=1e-3),
        ]:
            self.assert_same_run(lambda mode: self.train(mode, **settings))

    def test_rate_that_changes(self):
        self.assert_same_run(
            lambda mode: self.train(mode, learning_rate=theano.shared(0.02))
        )

    def test_parameter_in_another_order(self):
        self.assert_same_run(lambda mode: self.train(mode, order='F'))

    def test_gradient_that_is_a_product(self):
        # Simplification would combine its number with those of Adam.
        def run(mode):
            w = theano.shared(np.arange(1.0, 5.0))
            function = theano.function(
                [], mode=mode, updates=adam(T.sum(3 * T.sqr(w)), [w])
            )
            self.steps = sum(
                isinstance(node.op, AdamStep)
                for node in function.maker.fgraph.apply_nodes
            )
            function()
            return [w.get_value()]

        run(self.modes()[0])
        self.assertEqual(self.steps, 1)
        self.assert_same_run(run)

    def function(self, extra=(), transform=lambda new: new):
        """A function that makes one step of adam, and its parameter."""
        w = theano.shared(np.arange(1.0, 5.0))
        updates = adam([T.dot(np.eye(4), w)], [w])
        updates[w] = transform(updates[w])
        return theano.function(
            [],
            [output(w, updates) for output in extra],
            updates=updates,
            mode=self.modes()[0],
        ), w

    def steps_of(self, function):
        return [
            node.op
            for node in function.maker.fgraph.toposort()
            if isinstance(node.op, AdamStep)
        ]

    def test_overwrites(self):
        function, w = self.function()
        self.assertTrue(self.steps_of(function)[0].inplace)
        array = w.get_value(borrow=True)
        old = array.copy()
        function()
        self.assertFalse((w.get_value() == old).any())
        if DEVICE == 'cpu':
            np.testing.assert_array_equal(array, w.get_value())

    def test_other_uses_see_the_old_value(self):
        function, w = self.function(
            [
                lambda w, updates: w,
                lambda w, updates: 2 * w,
                lambda w, updates: updates[w],
            ]
        )
        old = w.get_value()
        plain, twice, new = function()
        np.testing.assert_array_equal(plain, old)
        np.testing.assert_array_equal(twice, 2 * old)
        np.testing.assert_array_equal(new, w.get_value())
        self.assertFalse((new == old).any())
        w.set_value(old)
        np.testing.assert_allclose(new, old - 1e-3, rtol=1e-6)

    def test_new_value_may_be_changed_further(self):
        # A constraint on weights does this.
        function, w = self.function(transform=lambda new: T.clip(new, 2, 3))
        self.assertEqual(len(self.steps_of(function)), 1)
        function()
        np.testing.assert_allclose(w.get_value(), [2, 2, 3 - 1e-3, 3])

    def test_without_updates_nothing_is_overwritten(self):
        w = theano.shared(np.arange(1.0, 5.0))
        new = list(adam([T.dot(np.eye(4), w)], [w]).values())
        function = theano.function([], new, mode=self.modes()[0])
        self.assertFalse(any(op.inplace for op in self.steps_of(function)))
        first = function()
        for a, b in zip(first, function()):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(w.get_value(), np.arange(1.0, 5.0))

    def test_wrong_shape_is_refused(self):
        w, g = theano.shared(np.ones(3)), T.dvector()
        function = theano.function(
            [g], updates=adam([g], [w]), mode=self.modes()[0]
        )
        with self.assertRaisesRegex(ValueError, 'mis-match'):
            function(np.ones(4))
        np.testing.assert_array_equal(w.get_value(), np.ones(3))

    def test_other_updates_are_left_alone(self):
        w, g = theano.shared(np.ones(3)), T.dvector()
        m = theano.shared(np.zeros(3))
        for change in [
            0.1 * m / (T.sqrt(g) + 1e-8),
            m / (T.sqrt(0.5 * m + 0.5 * T.sqr(g)) + 1e-8),
        ]:
            function = theano.function(
                [g], [], updates=[(w, w - change)], mode=self.modes()[0]
            )
            self.assertEqual(self.steps_of(function), [])


class AdamTogetherTest(FusedTest):
    def modes(self):
        """With one call for all parameters, as on CUDA, and without."""
        mode = cuda_rewrites_mode()
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
        """The number of parameters that each call updates."""
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
                    parameter.get_value() for parameter in parameters
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
        arrays = [parameter.get_value(borrow=True) for parameter in parameters]
        step()
        if DEVICE == 'cpu':
            for parameter, array in zip(parameters, arrays):
                np.testing.assert_array_equal(parameter.get_value(), array)

    def test_one_call_for_each_rate_and_type(self):
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

    def test_steps_that_depend_on_each_other(self):
        # The gradient of one parameter is taken at the new value of another.
        def run(mode):
            w, b, v = self.parameters()
            updates = adam(self.loss([w, b, v]), [w], 0.01)
            loss = self.loss([updates[w], b, v])
            updates.update(adam(T.grad(loss, [b, v]), [b, v], 0.01))
            step = theano.function([], loss, mode=mode, updates=updates)
            return [step() for _ in range(3)] + [
                parameter.get_value() for parameter in (w, b, v)
            ]

        self.assert_same_run(run)

    def test_old_values_are_read_before(self):
        def run(mode):
            parameters = self.parameters()
            updates = adam(self.loss(parameters), parameters, 0.01)
            step = theano.function(
                [],
                [2 * parameter for parameter in parameters]
                + [updates[parameter] for parameter in parameters],
                mode=mode,
                updates=updates,
            )
            return [value for _ in range(2) for value in step()]

        self.assert_same_run(run)

    def test_wrong_shape_is_refused(self):
        w, v, g = (theano.shared(np.ones(3)) for _ in range(3))
        step = theano.function(
            [], mode=self.modes()[0], updates=adam([g, g], [w, v])
        )
        step()
        g.set_value(np.ones(4))
        with self.assertRaisesRegex(ValueError, 'mis-match'):
            step()
