"""Checks of functions on several processes. Each process runs all of them.

``tests/engine/test_distributed.py`` starts the processes, in double precision.
"""

import unittest
from unittest import mock

import numpy as np

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import theano
import theano.tensor as T
from lasagne.layers import (
    DenseLayer,
    InputLayer,
    get_all_params,
    get_output,
)
from lasagne.updates import adam
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.nnet import conv2d
from theano.tensor.signal.pool import pool_2d

from kneerepro.engine import buckets, distributed, sharing, torch_mode
from kneerepro.engine.distributed import average, divide, rank, size, total
from layers import batch_norm
from tests.engine.compare import cuda_rewrites_mode
from tests.engine.fake_cuda_graphs import TapedCudaGraphs, recording_modes

MODE = torch_mode('cpu')
#: Computes the whole in each process.
ALONE = MODE.excluding('torch_minibatches')


def numbers(*shape, seed=1):
    return np.random.RandomState(seed).normal(size=shape)


class DivisionTest(unittest.TestCase):
    """Functions of divided minibatches, compared with whole ones."""

    def setUp(self):
        self.images, self.rows = T.tensor4('images'), T.matrix('rows')
        self.vector, self.labels = T.vector('vector'), T.ivector('labels')
        for variable in self.inputs:
            divide(variable)
        self.weights = theano.shared(numbers(4, 3), 'weights')
        self.filters = theano.shared(numbers(3, 2, 3, 3), 'filters')

    @property
    def inputs(self):
        return [self.images, self.rows, self.vector, self.labels]

    def assert_same(self, outputs, mode=MODE, sizes=(5, 1), **kwargs):
        """The outputs, a dictionary, have the same values in both modes."""
        functions = [
            theano.function(
                self.inputs,
                list(outputs.values()),
                mode=mode,
                on_unused_input='ignore',
                **kwargs,
            )
            for mode in (mode, ALONE)
        ]
        for n in sizes:
            values = (
                numbers(n, 2, 6, 6),
                numbers(n, 4),
                numbers(n),
                np.arange(n, dtype='int32') % 3,
            )
            found, expected = (function(*values) for function in functions)
            for name, a, b in zip(outputs, found, expected):
                with self.subTest(name, rows=n):
                    self.assertEqual(np.shape(a), np.shape(b))
                    self.assertEqual(a.dtype, b.dtype)
                    np.testing.assert_allclose(a, b, 1e-9, 1e-12)
        return functions[0]

    def test_elementwise_operations_and_sums(self):
        rows, vector = self.rows, self.vector
        column = vector.dimshuffle(0, 'x')
        constant = T.constant(numbers(4))
        self.assert_same(
            {
                'product': rows * constant,
                'comparison': rows > 0,
                'conversion': T.cast(rows, 'int32'),
                'with a vector': rows * column,
                'two axes': column + vector.dimshuffle('x', 0),
                'transposed': rows.T,
                'from a whole tensor': rows + T.arange(rows.shape[0])[:, None],
                'sum': rows.sum(),
                'sum of rows': rows.sum(0),
                'sum in rows': rows.sum(1),
                'count': (rows > 0).sum(),
                'mean': rows.mean(0),
                'variance': rows.var(0),
                'deviation': rows - rows.mean(0),
                'of the sum': T.exp(rows.sum(0)),
                'terms': 2 * rows.sum(0) - vector.sum() / 3 + constant,
                'two terms and a whole one': (
                    rows.sum(0) + T.sqr(rows).sum(0) + constant
                ),
                'term and product': (
                    rows.sum(0) + constant * T.sqr(rows).sum(0)
                ),
                'maximum': rows.max(0),
                'maximum in rows': rows.max(1),
                'position': T.argmax(rows, 1),
                'product of rows': rows.prod(0),
                'running sum': T.cumsum(rows, 0),
                'shape': rows.shape,
                'number of rows': rows.shape[0] * 2,
            }
        )

    def test_matrices(self):
        rows, vector, weights = self.rows, self.vector, self.weights
        self.assert_same(
            {
                'rows': T.dot(rows, weights),
                'columns': T.dot(weights.T, rows.T),
                'matrix and vector': T.dot(rows, weights[:, 0]),
                'summed': T.dot(rows.T, rows),
                'summed with a vector': T.dot(vector, rows),
                'summed with a whole matrix': T.dot(
                    rows.T, T.ones((rows.shape[0], 2))
                ),
                'two vectors': T.dot(vector, vector),
                'both with rows': T.dot(rows, rows.T),
                'gradient': T.grad(
                    T.tanh(T.dot(rows, weights)).sum(), weights
                ),
            }
        )

    def test_shapes_and_indices(self):
        rows, images = self.rows, self.images
        self.assert_same(
            {
                'more axes': rows.reshape((rows.shape[0], 2, 2)),
                'fewer axes': images.flatten(2),
                'all axes': rows.flatten(),
                'shape not given': rows.reshape((-1, 4)),
                'other rows': rows.reshape((-1, 2)),
                'joined': T.concatenate([rows, 2 * rows], 1),
                'joined along the rows': T.concatenate([rows, rows], 0),
                'stacked': T.stack([rows, rows]),
                'column': rows[:, 1],
                'columns': images[:, 1, ::2],
                'row': rows[0],
                'reversed': rows[::-1],
                'gradient of a column': T.grad(T.sqr(rows[:, 1]).sum(), rows),
                'gradient of parts': T.grad(
                    (T.concatenate([rows, rows**2], 1) ** 2).sum(), rows
                ),
            }
        )

    def test_networks(self):
        rows, weights, filters = self.rows, self.weights, self.filters
        convolved = T.nnet.relu(
            conv2d(self.images, filters, filter_flip=False)
        )
        pooled = pool_2d(convolved, (2, 2), ignore_border=True)
        probabilities = T.nnet.softmax(T.dot(rows, weights))
        loss = T.nnet.categorical_crossentropy(
            probabilities, self.labels
        ).mean()
        self.assert_same(
            {
                'convolution': convolved,
                'pooling': pooled,
                'gradient by filters': T.grad(T.sqr(pooled).sum(), filters),
                'gradient by images': T.grad(
                    T.sqr(convolved).sum(), self.images
                ),
                'probabilities': probabilities,
                'loss': loss,
                'gradient by weights': T.grad(loss, weights),
            }
        )

    def test_second_derivatives(self):
        layer = batch_norm(DenseLayer(InputLayer((None, 4)), 3))
        y = get_output(layer, T.tanh(self.rows))
        gradient = T.grad(T.sqr(y).sum(), self.rows)
        penalty = T.sqr(T.sqrt(T.sqr(gradient).sum(1) + 1) - 1).mean()
        params = get_all_params(layer, trainable=True)
        for mode in MODE, cuda_rewrites_mode():
            self.assert_same(
                {
                    'gradient': gradient,
                    **{
                        f'second by {param}': T.grad(penalty, param)
                        for param in params
                    },
                },
                mode,
            )

    def test_random_streams(self):
        streams = MRG_RandomStreams(3)
        n = self.rows.shape[0]
        noise = divide(streams.normal((n, 4), nstreams=7))
        mask = streams.binomial(self.rows.shape, p=0.5, nstreams=7)
        self.assert_same(
            {'noise': noise, 'mask': mask, 'sum': (mask * noise).sum(0)},
            # The other function would draw the next numbers.
            no_default_updates=True,
        )

    def test_updates(self):
        sums = theano.shared(np.zeros(4))
        self.assert_same(
            {'maximum': self.rows.max()},
            updates=[(sums, sums + self.rows.sum(0))],
        )
        np.testing.assert_allclose(
            sums.get_value(),
            # Both functions have added to it.
            2 * (numbers(5, 4).sum(0) + numbers(1, 4).sum(0)),
        )

    def test_traffic(self):
        function = self.assert_same(
            {f'sum {i}': (self.rows**i).sum(0) for i in range(2, 8)}
        )
        before = distributed.traffic()
        function(numbers(5, 2, 6, 6), numbers(5, 4), numbers(5), [0] * 5)
        self.assertEqual(
            distributed.traffic() - before, distributed.Traffic(1, 6 * 4 * 8)
        )

    def test_recording(self):
        images = self.images
        x = T.nnet.relu(conv2d(images, self.filters, filter_flip=False))
        layer = batch_norm(
            DenseLayer(InputLayer((None, 3), x.mean((2, 3))), 4)
        )
        loss = T.sqr(get_output(layer)).mean() + T.sqr(self.rows).mean()
        params = [*get_all_params(layer, trainable=True), self.filters]
        before = [param.get_value() for param in params]
        results, calls, graphs = [], [], TapedCudaGraphs(1)
        for mode in recording_modes(graphs)[0], MODE, ALONE:
            for param, value in zip(params, before):
                param.set_value(value)
            step = theano.function(
                [images, self.rows],
                [loss, x],
                updates=adam(loss, params, 0.1),
                mode=mode,
            )
            found, traffic = [], distributed.traffic()
            for k in range(5):
                # Another number of rows gets a recording of its own.
                n = 3 if k == 3 else 5
                found += step(numbers(n, 2, 6, 6, seed=k), numbers(n, 4))
            calls.append((distributed.traffic() - traffic).calls)
            results.append(found + [param.get_value() for param in params])
        for recorded, plain, whole in zip(*results):
            np.testing.assert_allclose(recorded, plain, 1e-9, 1e-12)
            np.testing.assert_allclose(recorded, whole, 1e-9, 1e-12)
        self.assertEqual((graphs.recorded, graphs.replayed), (1, 3))
        # Each sum begins in one step and ends in another.
        self.assertEqual(2 * calls[0] // 5, graphs.breaks)
        self.assertEqual(calls[2], 0)


class AllReduceTest(unittest.TestCase):
    """Sums and means, compared with one graph of what all processes have."""

    def setUp(self):
        self.values = numbers(size(), 4)
        self.own = T.vector('own')

    def run_own(self, outputs):
        return theano.function([self.own], outputs, mode=MODE)(
            self.values[rank()]
        )

    def test_values(self):
        own = T.cast(100 * self.own, 'int64')
        found = self.run_own(
            [
                total(self.own),
                average(self.own),
                total(own),
                total(self.own.sum()),
                *average([self.own, T.outer(self.own, self.own)]),
                total(T.cast(self.own, 'complex128')).real,
            ]
        )
        outer = self.values[:, :, None] * self.values[:, None]
        for a, b in zip(
            found,
            [
                self.values.sum(0),
                self.values.mean(0),
                (100 * self.values).astype('int64').sum(0),
                self.values.sum(),
                self.values.mean(0),
                outer.mean(0),
                self.values.sum(0),
            ],
        ):
            np.testing.assert_allclose(a, b, 1e-12)

    def test_derivatives(self):
        direction = numbers(4, seed=2)
        for op, whole_op in (total, T.sum), (average, T.mean):
            whole = T.matrix()
            found = self.derivatives(op, self.own, T.constant(direction))
            expected = self.derivatives(
                lambda x: whole_op(x, 0, keepdims=True),
                whole,
                T.constant(np.tile(direction, (size(), 1))),
            )
            f = theano.function([whole], expected, mode=ALONE)
            for a, b in zip(self.run_own(found), f(self.values)):
                np.testing.assert_allclose(a, b[rank()], 1e-9)

    def derivatives(self, op, x, direction):
        """First and second derivatives of a sum of costs by what each process
        has, and a derivative along a direction.
        """
        cost = T.sum(T.tanh(op(x) * x + op(T.sqr(x))))
        gradient = T.grad(cost, x)
        second = T.grad(T.sum(gradient**3), x)
        third = T.grad(T.sum(T.sqr(second)), x)
        along = T.Rop(T.exp(op(x)) * x, x, direction)
        return [gradient, second, third, along]

    def test_training(self):
        """Examples of one's own, as many for each process."""
        n = 3 * size()
        x, y = T.matrix(), T.vector()
        examples, targets = numbers(n, 4), numbers(n, seed=2)
        results = []
        own = slice(3 * rank(), 3 * rank() + 3)
        for mode, op, rows, limit in (
            (MODE, average, own, 10**6),
            (MODE, average, own, 1),
            (ALONE, lambda gradients: gradients, slice(n), 1),
        ):
            params = [theano.shared(numbers(4, 5)), theano.shared(numbers(5))]
            hidden = T.tanh(T.dot(x, params[0]))
            loss = T.sqr(T.dot(hidden, params[1]) - y).mean()
            with mock.patch.object(buckets, 'BUCKET_BYTES', limit):
                step = theano.function(
                    [x, y],
                    updates=adam(op(theano.grad(loss, params)), params, 0.1),
                    mode=mode,
                )
            for _ in range(5):
                step(examples[rows], targets[rows])
            results.append([param.get_value() for param in params])
        for values in zip(*results):
            np.testing.assert_allclose(values[0], values[2], 1e-9)
            np.testing.assert_array_equal(values[0], values[1])

    def test_broadcast(self):
        variables = [
            theano.shared(value)
            for value in (
                np.full((2, 3), rank() + 1.0),
                np.array(rank(), 'int8'),
                np.array([rank() == 0]),
                np.full(0, 1.0),
            )
        ]
        distributed.broadcast(variables)
        for variable, expected in zip(
            variables, [np.ones((2, 3)), 0, [True], []]
        ):
            np.testing.assert_array_equal(variable.get_value(), expected)
        with self.assertRaisesRegex(ValueError, 'number, shape or type'):
            distributed.broadcast([theano.shared(np.ones(rank() + 1))])

    def test_different_graphs(self):
        x = T.vector()
        y = T.exp(x) if rank() else T.log(x)
        f = theano.function([x], total(y), mode=MODE)
        with self.assertRaisesRegex(RuntimeError, 'sum different things'):
            f(np.ones(2))

    def test_modes_of_theano(self):
        x = T.vector()
        f = theano.function([x], total(x), mode='FAST_COMPILE')
        with self.assertRaisesRegex(RuntimeError, 'mode=.*torch_mode'):
            f(np.ones(2))
        # A mark does nothing there.
        marked = divide(T.vector())
        f = theano.function([marked], marked.sum(), mode='FAST_COMPILE')
        self.assertEqual(f(np.ones(3)), 3)

    def test_order_in_memory(self):
        x = T.tensor4()
        f = theano.function(
            [x], total(x.dimshuffle(0, 2, 3, 1)) * 1, mode=MODE
        )
        value = numbers(2, 3, 4, 5)
        np.testing.assert_allclose(
            f(value), size() * value.transpose(0, 2, 3, 1)
        )


class SharingTest(unittest.TestCase):
    def test_from_first(self):
        for value in 'text', {'rank': 0}, None:
            self.assertEqual(
                sharing.from_first(lambda: [rank(), value]), [0, value]
            )

    def test_rows(self):
        for n in 0, 1, 5:
            rows = numbers(n + 1, 3)[distributed.own_rows(n + 1)]
            found = sharing.all_rows(rows)
            np.testing.assert_array_equal(found, numbers(n + 1, 3))
        # The other axes may be unknown.
        part = np.ones((2, 3)) if rank() == 0 else np.empty(0)
        self.assertEqual(sharing.all_rows(part).shape, (2, 3))

    def test_maximum(self):
        waiting = [sharing.start_maximum(k * rank()) for k in range(3)]
        self.assertEqual(
            [wait() for wait in waiting], [0, size() - 1, 2 * (size() - 1)]
        )


if __name__ == '__main__':
    lasagne.random.set_rng(np.random.RandomState(1))
    distributed.initialise(timeout=60)
    unittest.main()
