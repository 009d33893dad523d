"""What a divided graph sends. ``on_processes.py`` compares its values."""

from unittest import mock

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne.layers import DenseLayer, InputLayer, get_all_params, get_output

from layers import Conv2DLayer, batch_norm
from tests.engine.compare import EngineTest, torch, torch_mode
from tests.engine.fused.helpers import count_ops

if torch:
    from kneerepro.engine import processes
    from kneerepro.engine.distributed import (
        FinishAllReduce,
        OwnRows,
        PlaceRows,
        StartAllReduce,
        divide,
    )


class PartitionTest(EngineTest):
    def compiled(self, inputs, outputs, **kwargs):
        """A function as it is compiled on two processes."""
        with mock.patch.object(processes, 'size', lambda: 2):
            return theano.function(
                inputs, outputs, mode=torch_mode('cpu'), **kwargs
            )

    def sums_of(self, function):
        """The numbers of sums in each call."""
        return [
            len(node.outputs)
            for node in function.maker.fgraph.toposort()
            if isinstance(node.op, FinishAllReduce)
        ]

    def test_unmarked_graphs_stay(self):
        x = T.matrix()
        function = self.compiled([x], x.sum(0))
        self.assertEqual(count_ops(function, (StartAllReduce, OwnRows)), 0)

    def test_one_sum_for_each_gradient(self):
        x = divide(T.matrix())
        params = [
            theano.shared(np.ones(shape, 'float32'))
            for shape in [(3, 4), (4,), (4, 2)]
        ]
        w, b, u = params
        # Each parameter occurs twice.
        hidden = T.tanh(T.dot(T.tanh(T.dot(x, w) + b), w.T)) + 1
        y = T.dot(T.nnet.relu(T.dot(hidden, w) + b), u)
        loss = T.sqr(y).mean() + T.sqr(T.dot(T.dot(x, w), u)).mean()
        function = self.compiled(
            [x], loss, updates=lasagne.updates.adam(loss, params)
        )
        self.assertEqual(self.sums_of(function), [4])
        self.assertEqual(count_ops(function, PlaceRows), 0)

    def test_chain_of_statistics(self):
        x = divide(T.tensor4())
        network = InputLayer((None, 1, 8, 8), x)
        for _ in range(2):
            network = batch_norm(Conv2DLayer(network, 3, 3))
        network = DenseLayer(network, 1, nonlinearity=None)
        loss = T.sqr(get_output(network)).mean()
        params = get_all_params(network, trainable=True)
        function = self.compiled(
            [x], loss, updates=lasagne.updates.sgd(loss, params, 0.1)
        )
        # Mean and variance for each layer, a pair of sums for the gradient of
        # each, which are those by beta and gamma, and then the rest: the loss
        # and the gradients by the other parameters.
        self.assertEqual(sorted(self.sums_of(function)), [1] * 4 + [2, 2, 5])
        self.assertEqual(count_ops(function, PlaceRows), 0)

    def test_batches_of_a_known_size(self):
        x = divide(T.tensor4())
        network = InputLayer((6, 1, 8, 8), x)
        network = Conv2DLayer(network, 3, 3)
        network = DenseLayer(network, 2)
        loss = get_output(network).mean()
        function = self.compiled(
            [x], theano.grad(loss, get_all_params(network))
        )
        self.assertEqual(self.sums_of(function), [4])
        self.assertEqual(count_ops(function, PlaceRows), 0)

    def test_rows_are_gathered_where_there_is_no_rule(self):
        x = divide(T.matrix())
        for output, count in [
            (x.sum(0), 0),
            (T.exp(x), 1),
            (T.exp(x).max(0), 1),
            # The input is there as a whole.
            (x.max(0), 0),
        ]:
            with self.subTest(str(output)):
                function = self.compiled([x], output)
                self.assertEqual(count_ops(function, PlaceRows), count)

    def test_single_rows_are_not_divided(self):
        x = divide(T.row())
        function = self.compiled([x], x.sum(0))
        self.assertEqual(count_ops(function, OwnRows), 0)
