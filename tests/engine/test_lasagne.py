"""The engine runs Lasagne's layers, updates, objectives and penalties, and the
layers of this project."""

import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne import layers as L
from lasagne import nonlinearities, objectives, regularization, updates
from lasagne.layers import get_all_params, get_output

import layers as ours
from tests.engine.compare import EngineTest, values


class LasagneTest(EngineTest):
    def setUp(self):
        super().setUp()
        self.set_flags(floatX='float64')
        rng = lasagne.random.get_rng()
        self.addCleanup(lasagne.random.set_rng, rng)
        lasagne.random.set_rng(np.random.RandomState(1))

    def modes(self):
        return super().modes()[:1]

    def assert_trains(
        self, network, *inputs, tolerance=1e-9, step=updates.sgd, steps=2
    ):
        """The outputs and the trained parameters are the same as Theano's."""
        variables = [
            layer.input_var
            for layer in L.get_all_layers(network)
            if isinstance(layer, L.InputLayer)
        ]
        params = get_all_params(network)
        first = [param.get_value() for param in params]

        def run(mode):
            for param, value in zip(params, first):
                param.set_value(value)
            output = get_output(network)
            outputs = [output, get_output(network, deterministic=True)]
            update = step(
                T.mean(T.sqr(output - 0.3)),
                get_all_params(network, trainable=True),
                learning_rate=0.1,
            )
            function = theano.function(
                variables,
                outputs,
                updates=update,
                mode=mode,
                on_unused_input='ignore',
            )
            return [
                value for _ in range(steps) for value in function(*inputs)
            ] + [param.get_value() for param in params]

        self.assert_same_run(run, tolerance)


class LayersTest(LasagneTest):
    def images(self, *shape):
        return L.InputLayer((2,) + shape), values('float64', 2, *shape)

    def test_of_images(self):
        incoming, x = self.images(4, 8, 6)
        for layer in [
            L.Conv2DLayer(incoming, 3, 3, stride=(2, 1)),
            L.Conv2DLayer(incoming, 3, 2, pad='full'),
            L.GlobalPoolLayer(incoming),
            L.FeaturePoolLayer(incoming, 2),
            L.FeatureWTALayer(incoming, 2),
            L.NINLayer(incoming, 5),
            L.LocalResponseNormalization2DLayer(incoming),
            L.PadLayer(incoming, 1),
            L.SliceLayer(incoming, slice(1, 7, 2)),
            L.FlattenLayer(incoming),
            L.DimshuffleLayer(incoming, (0, 2, 1, 3)),
            L.ReshapeLayer(incoming, ([0], -1, 12)),
            ours.Conv2DLayer(incoming, 3, 5, stride=2, pad='same'),
            ours.TransposedConv2DLayer(incoming, 3, 4, stride=2, crop=1),
            ours.batch_norm(L.DenseLayer(incoming, 5)),
        ]:
            with self.subTest(type(layer).__name__):
                self.assert_trains(layer, x)

    def test_of_volumes(self):
        incoming, x = self.images(2, 4, 6, 4)
        for layer in [
            ours.Conv3DLayer(incoming, 3, 3, pad='same'),
            ours.TransposedConv3DLayer(incoming, 2, 4, stride=2, crop=1),
            ours.batch_norm(ours.Conv3DLayer(incoming, 3, 3)),
        ]:
            with self.subTest(type(layer).__name__):
                self.assert_trains(layer, x)

    def test_normalised_twice(self):
        incoming, x = self.images(4, 8, 6)
        first, y = T.dtensor4(), 2 * x + 1
        layer = ours.BatchNormLayer(incoming)
        outputs = [get_output(layer, first), get_output(layer)]

        def run(mode):
            layer.mean.set_value(np.zeros(4))
            layer.inv_std.set_value(np.ones(4))
            function = theano.function(
                [incoming.input_var, first],
                [outputs[1], get_output(layer, deterministic=True)]
                + outputs[:1],
                mode=mode,
            )
            results = [*function(x, y), *function(y, x)]
            return [
                *results,
                layer.mean.get_value(),
                layer.inv_std.get_value(),
            ]

        self.assert_same_run(run)

    def test_of_signals(self):
        incoming, x = self.images(3, 10)
        self.assert_trains(L.Conv1DLayer(incoming, 2, 3), x)

    def test_pooling(self):
        # Theano's own Python code for pooling does not run on NumPy 1.23.
        incoming, x = self.images(4, 8, 6)
        windows = x.reshape(2, 4, 4, 2, 3, 2)
        for layer, expected in [
            (L.MaxPool2DLayer(incoming, 2), windows.max((3, 5))),
            (
                L.Pool2DLayer(incoming, 2, mode='average_inc_pad'),
                windows.mean((3, 5)),
            ),
        ]:
            found = theano.function(
                [incoming.input_var], get_output(layer), mode=self.modes()[0]
            )(x)
            np.testing.assert_allclose(found, expected, 1e-9, 1e-9)

    def test_of_two_inputs(self):
        a, x = self.images(3, 4)
        b, y = self.images(3, 4)
        for layer in [
            L.ConcatLayer([a, b]),
            L.ElemwiseSumLayer([a, b]),
            L.ElemwiseMergeLayer([a, b], T.maximum),
        ]:
            with self.subTest(type(layer).__name__):
                self.assert_trains(layer, x, y)

    def test_embedding(self):
        incoming = L.InputLayer((2, 3), input_var=T.imatrix())
        self.assert_trains(
            L.EmbeddingLayer(incoming, 6, 4), np.int32([[0, 5, 5], [2, 0, 1]])
        )

    def test_recurrent(self):
        incoming, x = self.images(4, 3)
        for layer in [
            L.RecurrentLayer(incoming, 2),
            L.LSTMLayer(incoming, 2),
            L.GRULayer(incoming, 2),
            L.LSTMLayer(incoming, 2, backwards=True, unroll_scan=True),
        ]:
            with self.subTest(type(layer).__name__):
                self.assert_trains(layer, x)

    def test_random_ones_draw_the_same_noise(self):
        incoming, x = self.images(4, 3)
        for layer in [
            lambda: L.DropoutLayer(incoming),
            lambda: L.GaussianNoiseLayer(incoming),
        ]:

            def run(mode):
                lasagne.random.set_rng(np.random.RandomState(1))
                output = get_output(layer(), T.constant(x))
                function = theano.function([], output, mode=mode)
                return [function(), function()]

            with self.subTest(layer().__class__.__name__):
                self.assert_same_run(run)
                first, second = run(self.modes()[0])
                self.assertFalse((first == second).all())

    def test_nonlinearities(self):
        incoming, x = self.images(5)
        for name in (
            'identity',
            'leaky_rectify',
            'very_leaky_rectify',
            'rectify',
            'sigmoid',
            'softmax',
            'tanh',
        ):
            with self.subTest(name):
                self.assert_trains(
                    L.DenseLayer(
                        incoming, 4, nonlinearity=getattr(nonlinearities, name)
                    ),
                    x,
                )


class UpdatesTest(LasagneTest):
    def test_all(self):
        incoming = L.InputLayer((4, 3))
        network = L.DenseLayer(incoming, 2)
        x = values('float64', 4, 3)
        for step in [
            updates.sgd,
            updates.momentum,
            updates.nesterov_momentum,
            updates.adagrad,
            updates.rmsprop,
            updates.adadelta,
            updates.adam,
        ]:
            with self.subTest(step.__name__):
                self.assert_trains(network, x, step=step, steps=4)

    def test_constraints(self):
        def constrained(loss, params, learning_rate):
            gradients = updates.total_norm_constraint(
                theano.grad(loss, params), 0.1
            )
            update = updates.adam(gradients, params, learning_rate)
            for param in params:
                if param.ndim > 1:
                    update[param] = updates.norm_constraint(update[param], 0.5)
            return update

        network = L.DenseLayer(L.InputLayer((4, 3)), 2)
        self.assert_trains(
            network, values('float64', 4, 3), step=constrained, steps=4
        )


class ObjectivesTest(LasagneTest):
    def test_all(self):
        x, y, labels = T.matrix(), T.matrix(), T.ivector()
        weights = T.vector()
        p, q = T.nnet.softmax(x), T.nnet.sigmoid(y)
        losses = [
            objectives.squared_error(x, y),
            objectives.binary_crossentropy(T.nnet.sigmoid(x), q),
            objectives.categorical_crossentropy(p, labels),
            objectives.categorical_crossentropy(p, T.nnet.softmax(y)),
        ]
        outputs = []
        for loss in losses:
            for mode in 'mean', 'sum', 'normalized_sum':
                loss_per_item = loss if loss.ndim == 1 else loss.mean(1)
                outputs.append(
                    objectives.aggregate(loss_per_item, weights, mode)
                )
            outputs.append(T.grad(loss.sum(), x))
        self.assert_same(
            [x, y, labels, weights],
            outputs,
            values('float64', 4, 3),
            values('float64', 4, 3),
            np.int32([0, 2, 1, 2]),
            values('float64', 4, low=0.1),
        )

    def test_penalties(self):
        network = L.DenseLayer(L.InputLayer((4, 3)), 2)
        outputs = []
        for penalty in regularization.l1, regularization.l2:
            value = regularization.regularize_network_params(network, penalty)
            outputs += [value, T.grad(value, network.W)]
        outputs.append(
            regularization.regularize_layer_params_weighted(
                {network: 0.3}, regularization.l2
            )
        )
        self.assert_same([], outputs)
