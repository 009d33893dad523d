import itertools

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam
from theano.compile.mode import Mode
from theano.configparser import change_flags
from theano.tensor.elemwise import Elemwise
from theano.tensor.nnet import conv2d, conv3d, relu
from theano.tensor.nnet.abstract_conv import (
    conv2d_grad_wrt_inputs,
    conv3d_grad_wrt_inputs,
)

from tests.engine.compare import DEVICE, FLOATS, EngineTest, values

try:
    from kneerepro.engine import torch_mode
    from kneerepro.engine.fused.adam import AdamStep
    from kneerepro.engine.fused.conv_bias import ConvolutionWithBias
    from kneerepro.engine.fused.rectifier import (
        Rectifier,
        RectifierGradient,
        RectifierGradientByOutput,
    )
except ImportError:
    pass  # without PyTorch, EngineTest skips


def count(function, kind):
    """How many Ops, or scalar Ops, of a kind a function has."""
    return sum(
        isinstance(node.op, kind)
        or isinstance(getattr(node.op, 'scalar_op', None), kind)
        for node in function.maker.fgraph.apply_nodes
    )


class FusedTest(EngineTest):
    def modes(self):
        """With the rewrites and without them; and with Theano's own linker,
        which runs what the Ops say of themselves in NumPy."""
        fused = torch_mode(DEVICE)
        return [
            fused,
            fused.excluding('torch'),
            Mode('py', fused.provided_optimizer),
        ]

    def assert_fused(self, expected, inputs, outputs, **kwargs):
        """Numbers of Ops by their kind, with the rewrites and without."""
        for mode, factor in (self.modes()[0], 1), (self.modes()[1], 0):
            function = theano.function(inputs, outputs, mode=mode, **kwargs)
            for kind, number in expected.items():
                self.assertEqual(count(function, kind), factor * number)


class RectifierTest(FusedTest):
    SLOPES = 0, 0.2, 0.01, 1, 2, -0.5

    def test_values_and_gradients(self):
        for dtype in FLOATS:
            x, g = T.tensor(dtype, (False,) * 2), T.tensor(dtype, (False,) * 2)
            outputs = []
            for slope in self.SLOPES:
                y = relu(x, slope)
                outputs += [y, T.grad(None, x, known_grads={y: g})]
            compare = self.comparison([x, g], outputs)
            data = values(dtype, 4, 30)
            compare(data, values(dtype, 4, 30))
            data[0, :3] = 0, -0.0, 1e-40
            compare(data, values(dtype, 4, 30))

    def test_is_one_operation(self):
        x, g = T.matrix(), T.matrix()
        for slope in 0, 0.2:
            y = relu(x, slope)
            self.assert_fused(
                {
                    Rectifier: 1,
                    RectifierGradientByOutput: 1,
                    RectifierGradient: 0,
                },
                [x, g],
                [y, T.grad(None, x, known_grads={y: g})],
            )

    def test_gradient_by_the_output(self):
        for dtype, slope in itertools.product(FLOATS, self.SLOPES):
            x, g = T.tensor(dtype, (False,) * 2), T.tensor(dtype, (False,) * 2)
            y = relu(x, slope)
            data = values(dtype, 4, 30)
            data[0, :3] = 0, -0.0, 1e-30
            self.assert_same(
                [x, g],
                [y, T.grad(None, x, known_grads={y: g})],
                data,
                values(dtype, 4, 30),
            )

    def test_input_that_is_kept_anyway(self):
        x, g = T.matrix(), T.matrix()
        y = relu(x, 0.2)
        self.assert_fused(
            {RectifierGradient: 1, RectifierGradientByOutput: 0},
            [x, g],
            [y, T.grad(None, x, known_grads={y: g}), T.exp(x)],
        )

    def test_slope_of_one_costs_nothing(self):
        x = T.matrix()
        function = theano.function([x], relu(x, 0.2), mode=self.modes()[0])
        (op,) = (
            node.op.scalar_op for node in function.maker.fgraph.toposort()
        )
        self.assertEqual(op.positive, 1)

    def test_second_derivative(self):
        x, w = T.dmatrix(), T.dmatrix()
        gradient = T.grad(T.sqr(relu(T.dot(x, w), 0.2)).sum(), x)
        penalty = T.sum(T.sqr(gradient))
        outputs = [penalty, T.grad(penalty, w)]
        self.assert_fused({RectifierGradient: 2}, [x, w], outputs)
        self.assert_same(
            [x, w], outputs, values('float64', 5, 3), values('float64', 3, 4)
        )

    def test_with_other_factors(self):
        x, y = T.matrix(), T.matrix()
        outputs = [
            0.6 * x * y + 0.4 * abs(x) * y,
            x + abs(x),
            3 * x - 2 * abs(x),
            0.5 * y * (x + abs(x)),
            2 * y + y * T.sgn(x),
        ]
        self.assert_fused(
            {Rectifier: 3, RectifierGradient: 1}, [x, y], outputs
        )
        self.assert_same(
            [x, y], outputs, values('float32', 3, 4), values('float32', 3, 4)
        )

    def test_what_only_looks_like_one(self):
        x, y, i = T.matrix(), T.matrix(), T.imatrix()
        outputs = [
            x + abs(y),
            x * y + abs(x),
            y + x * T.sgn(x),
            i + abs(i),
            T.sgn(x) + 1,
        ]
        self.assert_fused(
            {Rectifier: 0, RectifierGradient: 0}, [x, y, i], outputs
        )
        self.assert_same(
            [x, y, i],
            outputs,
            values('float32', 3, 4),
            values('float32', 3, 4),
            values('int32', 3, 4),
        )

    def test_broadcasting(self):
        x, row = T.matrix(), T.row()
        self.assert_same(
            [x, row],
            [relu(row + x, 0.2), relu(row, 0.2) * x, 2 * x + x * T.sgn(row)],
            values('float32', 3, 4),
            values('float32', 1, 4),
        )


class ConvolutionWithBiasTest(FusedTest):
    def case(self, dimensions, dtype='float32'):
        images, filters = (
            T.tensor(dtype, (False,) * (2 + dimensions)) for _ in range(2)
        )
        bias = T.tensor(dtype, (False,))
        added = bias.dimshuffle('x', 0, *['x'] * dimensions)
        return images, filters, bias, added

    def test_convolution(self):
        for dtype, (n, convolve) in itertools.product(
            FLOATS, [(2, conv2d), (3, conv3d)]
        ):
            images, filters, bias, added = self.case(n, dtype)
            y = (
                convolve(
                    images, filters, border_mode=(1,) * n, subsample=(2,) * n
                )
                + added
            )
            inputs = [images, filters, bias]
            self.assert_fused({ConvolutionWithBias: 1}, inputs, y)
            # Sums of a hundred products, of which some are near 0.
            data = (
                values(dtype, *shape, low=-1, high=1)
                for shape in [(2, 3, *[6] * n), (4, 3, *[3] * n), (4,)]
            )
            self.assert_same(inputs, [y, added + y], *data)

    def test_transposed(self):
        for n, transposed in (
            (2, conv2d_grad_wrt_inputs),
            (3, conv3d_grad_wrt_inputs),
        ):
            images, filters, bias, added = self.case(n)
            y = added + transposed(
                images,
                filters,
                (None, None) + (8,) * n,
                border_mode=(1,) * n,
                subsample=(2,) * n,
            )
            inputs = [images, filters, bias]
            self.assert_fused({ConvolutionWithBias: 1}, inputs, y)
            for channels in 1, 3:
                self.assert_same(
                    inputs,
                    y,
                    values('float32', 2, 4, *[4] * n),
                    values('float32', 4, channels, *[4] * n),
                    values('float32', channels),
                    tolerance=1e-4,
                )

    def test_not_if_others_need_the_convolution(self):
        images, filters, bias, added = self.case(2)
        convolved = conv2d(images, filters)
        self.assert_fused(
            {ConvolutionWithBias: 0},
            [images, filters, bias],
            [convolved, convolved + added],
        )

    def test_wrong_size_of_the_bias(self):
        images, filters, bias, added = self.case(2)
        function = theano.function(
            [images, filters, bias],
            conv2d(images, filters) + added,
            mode=self.modes()[0],
        )
        for size in 1, 3:
            with self.assertRaisesRegex(ValueError, 'mis-match'):
                function(
                    values('float32', 2, 1, 4, 4),
                    values('float32', 4, 1, 2, 2),
                    values('float32', size),
                )

    def test_not_along_another_axis(self):
        images, filters, bias, _ = self.case(2)
        self.assert_fused(
            {ConvolutionWithBias: 0},
            [images, filters, bias],
            conv2d(images, filters) + bias.dimshuffle('x', 'x', 'x', 0),
        )


class AdamTest(FusedTest):
    def setUp(self):
        super().setUp()
        self.set_flags(floatX='float64')

    def train(self, mode, dtype='float64', steps=4, order='C', **settings):
        """A small network after some steps of Lasagne's adam."""
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
        # Simplified, its number would be one with Adam's own.
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
        """The function, and the parameter, of one step of `adam`."""
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

    def test_new_value_goes_on(self):
        # As a constraint on weights does.
        function, w = self.function(transform=lambda new: T.clip(new, 2, 3))
        self.assertEqual(len(self.steps_of(function)), 1)
        function()
        np.testing.assert_allclose(w.get_value(), [2, 2, 3 - 1e-3, 3])

    def test_what_is_not_to_be_updated_stays(self):
        w = theano.shared(np.arange(1.0, 5.0))
        new = list(adam([T.dot(np.eye(4), w)], [w]).values())
        function = theano.function([], new, mode=self.modes()[0])
        self.assertFalse(any(op.inplace for op in self.steps_of(function)))
        first = function()
        for a, b in zip(first, function()):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(w.get_value(), np.arange(1.0, 5.0))

    def test_wrong_shape(self):
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


class ConstantFactorsTest(FusedTest):
    def setUp(self):
        self.x, self.y = T.dtensor4(), T.dtensor4()
        self.c, self.d = T.dvectors(2)

    def along_channels(self, vector):
        return vector.dimshuffle('x', 0, 'x', 'x')

    def passes(self, outputs):
        """How many operations on whole images there are, with the rewrites
        and without; and the numbers."""
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

    def test_what_is_beyond_float16(self):
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

    def test_what_is_not_constant(self):
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
        # Forward: the difference, its square, a product with a sum. Backward:
        # a product that is summed, another, one with a sum, and a sum.
        self.assertEqual(passes, 7)
        self.assertGreater(before, passes)
