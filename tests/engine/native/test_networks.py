import lasagne
import numpy as np
import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams

from tests.engine.compare import values
from tests.engine.native.common import NativeTest


class NetworksTest(NativeTest):
    def test_softmax(self):
        x, bias, grad = T.matrix(), T.vector(), T.matrix()
        softmax = T.nnet.softmax(x)
        self.assert_same_native(
            [x, bias, grad],
            [
                softmax,
                T.nnet.softmax(x + bias),
                T.nnet.logsoftmax(x),
                T.grad((T.nnet.softmax(x) * grad).sum(), x),
            ],
            values('float32', 3, 5) * 20,
            values('float32', 5),
            values('float32', 3, 5),
        )

    def test_cross_entropy(self):
        x, labels = T.matrix(), T.ivector()
        p = T.nnet.softmax(x)
        loss = T.nnet.categorical_crossentropy(p, labels)
        given = T.nnet.categorical_crossentropy(abs(x) + 0.1, labels)
        f = self.assert_same_native(
            [x, labels],
            [
                loss,
                T.grad(loss.mean(), x),
                given,
                T.grad(given.sum(), x),
            ],
            values('float32', 3, 5),
            np.int32([4, 0, 2]),
        )
        for wrong in 5, -1:
            with self.assertRaises((ValueError, IndexError)):
                f(values('float32', 3, 5), np.int32([0, wrong, 0]))

    def test_training(self):
        for update in (
            lasagne.updates.adam,
            lasagne.updates.nesterov_momentum,
            lasagne.updates.rmsprop,
        ):
            lasagne.random.set_rng(np.random.RandomState(0))
            x, y = T.matrix(), T.ivector()
            network = lasagne.layers.InputLayer((None, 6), x)
            network = lasagne.layers.DenseLayer(network, 5)
            network = lasagne.layers.DenseLayer(
                network, 3, nonlinearity=lasagne.nonlinearities.softmax
            )
            loss = lasagne.objectives.categorical_crossentropy(
                lasagne.layers.get_output(network), y
            ).mean()
            parameters = lasagne.layers.get_all_params(network)
            self.assert_same_training(
                [x, y],
                [loss],
                update(loss, parameters, 0.1),
                values('float32', 4, 6),
                np.int32([0, 2, 1, 1]),
            )

    def test_random_numbers_are_the_same_to_the_bit(self):
        def run():
            streams = MRG_RandomStreams(3)
            f = self.function(
                [],
                [
                    streams.uniform((3, 4), nstreams=7),
                    streams.uniform((200,), nstreams=100),
                    streams.uniform((9,), dtype='float64', nstreams=70),
                    streams.binomial((5,), p=0.3),
                ],
            )
            found = sum((f() for _ in range(4)), []) + [
                state.get_value() for state, *_ in streams.state_updates
            ]
            return found, self.versions(f)

        with self.on_pytorch():
            expected, _ = run()
        found, versions = run()
        self.assertEqual(versions, 1)
        for value, other in zip(found, expected):
            np.testing.assert_array_equal(value, other)

    def test_a_parameter_keeps_its_order_of_memory(self):
        w = theano.shared(np.asfortranarray(values('float32', 3, 4)))
        x = T.matrix()
        f = self.assert_same_training(
            [x], [x.sum()], {w: w - x}, values('float32', 3, 4)
        )
        before = w.get_value(borrow=True)
        f(values('float32', 3, 4))
        after = w.get_value(borrow=True)
        self.assertIsNot(before, after)
        self.assertEqual(before.strides, after.strides)
        self.assertEqual(self.versions(f), 1)
