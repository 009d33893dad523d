from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import InputLayer, get_output
from theano.scalar import Sub
from theano.tensor import Sum

from layers import BatchNormLayer
from tests.engine.compare import FLOATS, torch, torch_mode, values
from tests.engine.fused.helpers import CudaRewritesTest

if torch:
    from kneerepro.engine import threads
    from kneerepro.engine.fused.channel_sums import Moments, ProductSums
    from kneerepro.engine.kernels import channel_sums

AXES = 0, 2, 3


class MomentsTest(CudaRewritesTest):
    def moments(self, x):
        axes = [axis for axis in range(x.ndim) if axis != 1]
        mean = x.mean(axes, keepdims=True)
        return [mean, T.sqr(x - mean).mean(axes), x.var(axes)]

    def test_values(self):
        for dtype in FLOATS:
            for shape in (4, 3), (2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 1, 5):
                x = T.tensor(dtype, (False,) * len(shape))
                outputs = self.moments(x)
                self.assertEqual(
                    self.counts_of([Moments, Sum], [x], outputs), [1, 0]
                )
                compare = self.comparison([x], outputs)
                data = values(dtype, *shape)
                compare(data)
                # The same with the channels last in memory.
                compare(
                    np.moveaxis(
                        np.ascontiguousarray(np.moveaxis(data, 1, -1)), -1, 1
                    )
                )

    def test_few_elements(self):
        x = T.dtensor4()
        compare = self.comparison([x], self.moments(x))
        for shape in (1, 3, 1, 1), (0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5):
            compare(values('float64', *shape))
        x = T.addbroadcast(x, 1)
        self.assert_same([x], self.moments(x), values('float64', 2, 1, 4, 5))

    def test_far_from_zero(self):
        x = T.ftensor4()
        function = theano.function([x], self.moments(x), mode=self.modes()[0])
        data = values('float32', 8, 2, 64, 64) + np.float32(1000)
        np.testing.assert_allclose(
            function(data)[1], data.astype('float64').var(AXES), 1e-4
        )

    def test_other_sums(self):
        x = T.dtensor4()
        mean = x.mean(AXES, keepdims=True)
        for others in (
            [x.mean((0, 1)), x.var((0, 1))],
            [T.sqr(x - 2 * mean).sum(AXES)],
            [T.sqr(x).mean(AXES), mean],
        ):
            self.assertEqual(self.counts_of([Moments], [x], others), [0])
            self.assert_same([x], others, values('float64', 2, 3, 4, 5))

    def test_compiled_ahead(self):
        if not threads.are_available():
            self.skipTest('there is no compiler')
        x = T.ftensor4()
        with mock.patch.object(channel_sums, 'start') as start:
            theano.function([x], x.var(AXES), mode=torch_mode('cpu'))
        start.assert_called_once_with(torch.float32)


class ProductSumsTest(CudaRewritesTest):
    def setUp(self):
        self.g, self.x, self.c = T.dtensor4(), T.dtensor4(), T.dvector()
        self.inputs = [self.g, self.x, self.c]
        self.data = [
            values('float64', 2, 3, 4, 5),
            values('float64', 2, 3, 4, 5),
            values('float64', 3),
        ]

    def check(self, expected, *outputs):
        """The graph has these numbers of ProductSums, Sum and Sub. The
        values are compared as well."""
        self.assertEqual(
            self.counts_of([ProductSums, Sum, Sub], self.inputs, outputs),
            expected,
        )
        self.assert_same(self.inputs, outputs, *self.data)

    def test_sums(self):
        g, x, c = self.inputs
        offset = c.dimshuffle('x', 0, 'x', 'x')
        self.check([1, 0, 0], (g * x).sum(AXES))
        self.check([1, 0, 0], (g * x).sum(AXES), x.sum(AXES))
        self.check([1, 0, 0], (g * (x - offset)).sum(AXES), g.sum(AXES))
        self.check([1, 0, 0], ((x - offset) * g).sum(AXES))
        # The offset is computed with all axes.
        self.check([1, 0, 0], (g * (x - T.exp(2 * offset))).sum(AXES))
        # Two pairs of sums, one with the sum of g.
        self.check(
            [2, 0, 0],
            (g * x).sum(AXES),
            (g * (x - offset)).sum(AXES),
            g.sum(AXES),
        )
        # Of two differences, one has to be in memory.
        self.check([1, 0, 1], ((x - offset) * (g - T.exp(offset))).sum(AXES))

    def test_types(self):
        for dtype in FLOATS:
            for shape in (4, 3), (2, 3, 4), (2, 3, 4, 1, 5):
                g, x = (
                    T.tensor(dtype, (False,) * len(shape)) for _ in range(2)
                )
                c = T.tensor(dtype, (False,))
                axes = [axis for axis in range(len(shape)) if axis != 1]
                offset = c.dimshuffle('x', 0, *['x'] * (len(shape) - 2))
                outputs = [(g * (x - offset)).sum(axes), g.sum(axes)]
                inputs = [g, x, c]
                self.assertEqual(
                    self.counts_of([ProductSums, Sum], inputs, outputs),
                    [1, 0],
                )
                data = values(dtype, *shape)
                compare = self.comparison(inputs, outputs)
                compare(data, values(dtype, *shape), values(dtype, 3))
                # The two tensors in different orders in memory.
                compare(
                    data,
                    np.moveaxis(
                        np.ascontiguousarray(np.moveaxis(data, 1, -1)), -1, 1
                    ),
                    values(dtype, 3),
                )
                empty = values(dtype, 0, *shape[1:])
                compare(empty, empty, values(dtype, 3))

    def test_sums_that_depend_on_each_other(self):
        g, x, _ = self.inputs
        total = g.sum(AXES)
        y = x * T.exp(-T.sqr(total)).dimshuffle('x', 0, 'x', 'x')
        self.check([1, 1, 0], (g * T.tanh(y)).sum(AXES), total)
        offset = total.dimshuffle('x', 0, 'x', 'x')
        self.check([1, 1, 0], (g * (x - offset)).sum(AXES))

    def test_other_products(self):
        g, x, c = self.inputs
        self.check([0, 1, 0], (g * x).sum((0, 1, 2)))
        self.check([0, 1, 0], (g * x).sum(AXES), g * x)
        row = T.addbroadcast(x, 2)
        self.assertEqual(
            self.counts_of([ProductSums], self.inputs, [(g * row).sum(AXES)]),
            [0],
        )
        i = T.itensor4()
        self.assertEqual(
            self.counts_of([ProductSums], [i], [(i * (i + 1)).sum(AXES)]), [0]
        )

    def test_wrong_shapes_are_refused(self):
        g, x, c = self.inputs
        outputs = [(g * (x - c.dimshuffle('x', 0, 'x', 'x'))).sum(AXES)]
        images, others, numbers = self.data
        for data in (
            [images, others[:1], numbers],
            [images[:, :1], others, numbers],
            [images, others, numbers[:2]],
            [images, others, numbers[:1]],
        ):
            self.assert_refused(ValueError, self.inputs, outputs, *data)


class BatchNormTest(CudaRewritesTest):
    def setUp(self):
        self.set_flags(floatX='float64')

    def test_passes_over_memory(self):
        x, g = T.dtensor4(), T.dtensor4()
        layer = BatchNormLayer(InputLayer((None, 3, None, None), x))
        output = T.nnet.relu(get_output(layer), 0.2)
        beta, gamma = (
            parameter for parameter in layer.get_params(trainable=True)
        )
        gradients = T.grad(None, [x, beta, gamma], known_grads={output: g})
        inputs, outputs = [x, g], [output, *gradients]
        # Forward: the statistics and the output. Backward: the rectifier, two
        # sums, and the gradient.
        self.assertEqual(
            self.counts_of([Moments, ProductSums, Sum, Sub], inputs, outputs),
            [1, 1, 0, 0],
        )
        function = theano.function(inputs, outputs, mode=self.modes()[0])
        self.assertEqual(
            sum(
                node.outputs[0].broadcastable == (False,) * 4
                and hasattr(node.op, 'scalar_op')
                for node in function.maker.fgraph.apply_nodes
            ),
            3,
        )
        self.assert_same(
            inputs,
            outputs,
            values('float64', 2, 3, 4, 5),
            values('float64', 2, 3, 4, 5),
        )

    def test_second_derivative(self):
        x = T.dtensor4()
        layer = BatchNormLayer(InputLayer((None, 3, None, None), x))
        gradient = T.grad(T.tanh(get_output(layer)).sum(), x)
        penalty = T.sqr(gradient).sum()
        outputs = [penalty, *T.grad(penalty, [x, layer.gamma])]
        self.assertEqual(self.counts_of([Moments], [x], outputs), [1])
        self.assert_same([x], outputs, values('float64', 2, 3, 4, 5))
