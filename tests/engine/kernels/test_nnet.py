import unittest

import numpy as np
import theano.tensor as T
from theano.tensor.nnet import bn, nnet

from tests.engine.compare import DEVICE, FLOATS, EngineTest, values


def logits(dtype='float64', rows=5, columns=4):
    return values(dtype, rows, columns, low=-3, high=3)


class SoftmaxTest(EngineTest):
    def test_forward_and_backward(self):
        for dtype in FLOATS:
            x, y = T.tensor(dtype, (False, False)), T.tensor(dtype, (False,))
            loss = T.sum(T.nnet.softmax(x) ** 2)
            log_loss = T.sum(T.nnet.logsoftmax(x) ** 2)
            compare = self.comparison(
                [x, y],
                [
                    T.nnet.softmax(x),
                    T.nnet.logsoftmax(x),
                    T.log(T.nnet.softmax(x)),
                    T.nnet.softmax(x + y),
                    T.grad(loss, x),
                    T.grad(log_loss, x),
                    T.grad(T.sum(T.grad(loss, x) ** 2), x),
                ],
            )
            # Short and long rows are computed in different ways.
            for columns in 4, 1, 15, 16, 40:
                compare(logits(dtype, 5, columns), values(dtype, columns))

    def test_large_numbers(self):
        x = T.matrix()
        compare = self.comparison(
            [x], [T.nnet.softmax(x), T.nnet.logsoftmax(x)]
        )
        rows = np.float32([[1000, -1000, 999], [88, 89, -90]])
        compare(rows)
        compare(np.tile(rows, 7))

    def test_with_bias(self):
        x, bias = T.dmatrix(), T.dvector()
        for output in (
            nnet.softmax_with_bias(x, bias),
            T.nnet.softmax(x + bias),
        ):
            self.assert_same(
                [x, bias],
                [output, *T.grad(T.sum(output**2), [x, bias])],
                logits(),
                values('float64', 4),
            )

    def test_hierarchical(self):
        x, target = T.matrix(), T.ivector()
        # The weights are small, so that no probability becomes 0 and its
        # logarithm infinite.
        weights = [
            T.constant(values('float32', *shape) / 25)
            for shape in [(4, 3), (3,), (3, 4, 2), (3, 2)]
        ]
        outputs = [
            nnet.h_softmax(x, 5, 6, 3, 2, *weights),
            nnet.h_softmax(x, 5, 6, 3, 2, *weights, target),
        ]
        self.assert_same(
            [x, target],
            outputs + [T.grad(T.log(outputs[1]).sum(), x)],
            logits('float32'),
            np.int32([0, 5, 2, 3, 1]),
        )


class CrossentropyTest(EngineTest):
    """Theano replaces most of these graphs by Ops made for them."""

    def test_of_labels(self):
        x, bias = T.dmatrix(), T.dvector()
        for label_type in 'int32', 'int64':
            labels = T.tensor(label_type, (False,))
            p = T.nnet.softmax(x + bias)
            rows = T.arange(labels.shape[0])
            losses = [
                T.nnet.categorical_crossentropy(p, labels).mean(),
                -T.mean(T.log(p)[rows, labels]),
                -T.sum(T.log(p[rows, labels])),
                T.sum(
                    nnet.crossentropy_softmax_1hot_with_bias(x, bias, labels)[
                        0
                    ]
                ),
            ]
            outputs = losses + [T.argmax(p, 1)]
            for loss in losses:
                outputs += T.grad(loss, [x, bias])
            compare = self.comparison([x, bias, labels], outputs)
            for columns in 4, 17:
                compare(
                    logits(columns=columns),
                    values('float64', columns),
                    np.array([0, 3, 1, 1, 2], label_type),
                )

    def test_of_probabilities(self):
        x, target, labels = T.dmatrix(), T.dmatrix(), T.lvector()
        p = T.nnet.softmax(x)
        losses = [
            T.nnet.categorical_crossentropy(p, target).sum(),
            T.nnet.categorical_crossentropy(x**2, labels).sum(),
            T.sum(nnet.crossentropy_categorical_1hot(p, labels) ** 2),
        ]
        self.assert_same(
            [x, target, labels],
            losses
            + [T.grad(loss, x) for loss in losses]
            + [*nnet.crossentropy_softmax_max_and_argmax_1hot(x, labels)],
            logits(),
            np.eye(4)[[0, 3, 1, 1, 2]],
            np.array([0, 3, 1, 1, 2]),
        )

    def assert_refuses_labels(self, wrong):
        x, labels = T.dmatrix(), T.lvector()
        loss = nnet.crossentropy_categorical_1hot(x, labels)
        self.assert_refused(
            IndexError, [x, labels], loss, logits(), np.array(wrong)
        )
        loss = nnet.crossentropy_softmax_1hot(x, labels)[0]
        reference, *tested = self.compiled([x, labels], loss)
        for function in tested:
            with self.assertRaises(ValueError):
                function(logits(), np.array(wrong))
        # Theano's C code raises ValueError as well, its Python code does not
        # for labels that are too large.
        with self.assertRaises((ValueError, IndexError)):
            reference(logits(), np.array(wrong))

    def test_too_few_labels(self):
        self.assert_refuses_labels([0, 1])

    @unittest.skipIf(
        DEVICE != 'cpu',
        'CUDA finds wrong labels itself, and is unusable afterwards',
    )
    def test_wrong_labels(self):
        self.assert_refuses_labels([0, 4, 1, 1, 2])

    def test_binary(self):
        for dtype in FLOATS:
            x, target = (T.tensor(dtype, (False, False)) for _ in range(2))
            losses = [
                T.nnet.binary_crossentropy(T.nnet.sigmoid(x), target),
                T.nnet.softplus(-x),
            ]
            self.assert_same(
                [x, target],
                losses + [T.grad(loss.mean(), x) for loss in losses],
                logits(dtype),
                values(dtype, 5, 4, low=0, high=1),
            )

    def test_prepended(self):
        x, n = T.dmatrix(), T.dscalar()
        self.assert_same(
            [x, n],
            [
                nnet.Prepend_scalar_constant_to_each_row(2.0)(x),
                nnet.Prepend_scalar_to_each_row()(n, x),
            ],
            logits(),
            3.0,
        )

    def test_confusion(self):
        a, b = T.lvector(), T.lvector()
        self.assert_same(
            [a, b],
            [*nnet.confusion_matrix(a, b)],
            np.array([0, 1, 2, 1]),
            np.array([0, 2, 2, 1]),
        )


class ActivationTest(EngineTest):
    def test_values_and_gradients(self):
        for dtype in FLOATS:
            x = T.tensor(dtype, (False,))
            outputs = [
                T.nnet.relu(x),
                T.nnet.relu(x, 0.2),
                T.nnet.relu(x, -0.5),
                T.nnet.elu(x),
                T.nnet.elu(x, 0.5),
                T.nnet.selu(x),
                T.nnet.hard_sigmoid(x),
                T.nnet.softsign(x),
                T.nnet.sigmoid(x),
                T.nnet.ultra_fast_sigmoid(x),
                T.nnet.softplus(x),
                T.tanh(x),
                T.switch(x < 0, x / 5, x),
                0.6 * x + 0.4 * abs(x),
            ]
            self.assert_same(
                [x],
                outputs
                + [
                    T.grad(y.sum(), x)
                    for y in outputs
                    # ultra_fast_sigmoid has no gradient.
                    if 'ultra' not in str(y)
                ],
                np.array([-50, -3, -1, -0.2, 0, 0.2, 1, 3, 50], dtype),
            )

    def test_of_each_channel(self):
        x, slope = T.dtensor4(), T.dvector()
        y = T.nnet.relu(x, slope.dimshuffle('x', 0, 'x', 'x'))
        self.assert_same(
            [x, slope],
            [y, *T.grad(T.sum(y**2), [x, slope])],
            values('float64', 2, 3, 4, 4),
            values('float64', 3),
        )


class OptimisedTest(EngineTest):
    """Tests of Ops that the optimised graph replaces; the engine does not run
    the graph as it is written."""

    def modes(self):
        return super().modes()[:1]


class BinaryCrossentropyTest(OptimisedTest):
    def test_of_sigmoid(self):
        for dtype in FLOATS:
            x, target = (T.tensor(dtype, (False, False)) for _ in range(2))
            loss = T.nnet.sigmoid_binary_crossentropy(x, target)
            self.assert_same(
                [x, target],
                [loss, T.grad(loss.mean(), x)],
                logits(dtype),
                values(dtype, 5, 4, low=0, high=1),
            )


class BatchNormalizationTest(OptimisedTest):
    AXES = 'per-activation', 'spatial', (0, 2), (0, 1, 2, 3)

    def parameters(self, axes):
        """Symbols and values of shapes that fit images of (3, 2, 4, 5)."""
        kept = {
            'per-activation': (1, 2, 3),
            'spatial': (1,),
            (0, 2): (1, 3),
            (0, 1, 2, 3): (),
        }[axes]
        shape = [
            (3, 2, 4, 5)[axis] if axis in kept else 1 for axis in range(4)
        ]
        symbols = [
            T.TensorType('float64', [n == 1 for n in shape])()
            for _ in range(4)
        ]
        return symbols, [
            values('float64', *shape, low=1, high=3) for _ in range(4)
        ]

    def test_train(self):
        for axes in self.AXES:
            with self.subTest(axes=axes):
                x = T.dtensor4()
                (gamma, beta, mean, var), numbers = self.parameters(axes)
                outputs = bn.batch_normalization_train(
                    x, gamma, beta, axes, running_mean=mean, running_var=var
                )
                loss = T.sum(outputs[0] ** 3) + T.sum(outputs[1] ** 2)
                self.assert_same(
                    [x, gamma, beta, mean, var],
                    [*outputs, *T.grad(loss, [x, gamma, beta])],
                    values('float64', 3, 2, 4, 5),
                    *numbers,
                    # Theano's optimised graph computes the factors of the
                    # running averages in floatX.
                    tolerance=1e-7,
                )

    def test_inference(self):
        for axes in self.AXES:
            with self.subTest(axes=axes):
                x = T.dtensor4()
                symbols, numbers = self.parameters(axes)
                y = bn.batch_normalization_test(x, *symbols, axes=axes)
                self.assert_same(
                    [x, *symbols],
                    [y, *T.grad(T.sum(y**3), [x, *symbols])],
                    values('float64', 3, 2, 4, 5),
                    *numbers,
                )

    def test_as_elementwise_operations(self):
        x = T.dmatrix()
        gamma, beta = T.dvector(), T.dvector()
        mean, std = x.mean(0), T.sqrt(x.var(0) + 1e-4)
        for mode in 'low_mem', 'high_mem':
            y = bn.batch_normalization(x, gamma, beta, mean, std, mode)
            grad_x = T.grad(T.sum(y**3), x)
            self.assert_same(
                [x, gamma, beta],
                [y, grad_x, T.grad(T.sum(grad_x**2), gamma)],
                values('float64', 6, 3),
                values('float64', 3),
                values('float64', 3),
            )
