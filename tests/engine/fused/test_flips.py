import copy
import pickle

import numpy as np
import theano
import theano.tensor as T
from lasagne import updates
from theano.tensor.nnet import conv2d, conv3d
from theano.tensor.nnet.abstract_conv import conv2d_grad_wrt_inputs

from tests.engine.compare import DEVICE, EngineTest, cuda_rewrites_mode, torch
from tests.engine.fused.helpers import FusedTest, count_ops

if torch:
    from kneerepro.engine import torch_mode
    from kneerepro.engine.fused.flips import Flip
    from kneerepro.engine.values import storage_address

UPDATES = dict(
    sgd=dict(learning_rate=0.1),
    momentum=dict(learning_rate=0.1),
    nesterov_momentum=dict(learning_rate=0.1),
    adagrad=dict(learning_rate=0.1),
    rmsprop=dict(learning_rate=0.01),
    adadelta={},
    adam=dict(learning_rate=0.01),
)


def network(dimensions=2, penalty=False):
    """Images, two filters, and the loss of a network of two convolutions. In
    two dimensions, one of these is transposed."""
    rng = np.random.RandomState(3)
    x = T.tensor(theano.config.floatX, (False,) * (2 + dimensions))
    w, v = (
        theano.shared(
            rng.uniform(-1, 1, shape + (3,) * dimensions).astype(
                theano.config.floatX
            )
        )
        for shape in ((4, 2), (4, 2))
    )
    convolve = {2: conv2d, 3: conv3d}[dimensions]
    y = T.tanh(convolve(x, w))
    if dimensions == 2:
        y = conv2d_grad_wrt_inputs(y, v, (None, 2, 7, 8))
    else:
        y = convolve(y, T.concatenate([v, v], axis=1))
    loss = T.mean(T.sqr(y - 0.3))
    if penalty:
        loss += 0.1 * T.sum(T.sqr(w)) + T.sum(abs(v))
    return x, [w, v], loss


def images(dimensions=2):
    return (
        np.random.RandomState(4)
        .rand(5, 2, *[7, 8, 6][:dimensions])
        .astype(theano.config.floatX)
    )


def count_moves(function):
    """How often a function reverses a tensor in memory."""
    return sum(
        isinstance(node.op, Flip)
        and not node.op.kept
        and node.inputs[0].owner is not None
        for node in function.maker.fgraph.apply_nodes
    )


def is_reversed(array):
    return array.strides[-1] < 0 and array.strides[-2] < 0


def span(variable):
    """The address and the size in bytes of a shared variable's memory."""
    array = variable.get_value(borrow=True)
    return storage_address(array), array.nbytes


class KeptFlippedTest(FusedTest):
    def setUp(self):
        super().setUp()
        if DEVICE != 'cpu':
            self.skipTest('filters are kept flipped only on the CPU')
        self.set_flags(floatX='float64')

    def trained(
        self, mode, update='adam', dimensions=2, penalty=False, clip=False
    ):
        """The losses and the filters after some steps, the function, and the
        variables of the filters."""
        x, filters, loss = network(dimensions, penalty)
        gradients = T.grad(loss, filters)
        if clip:
            gradients = updates.total_norm_constraint(gradients, 0.01)
        train = theano.function(
            [x],
            loss,
            mode=mode,
            updates=getattr(updates, update)(
                gradients, filters, **UPDATES[update]
            ),
        )
        losses = [train(images(dimensions)) for _ in range(4)]
        return losses + [w.get_value() for w in filters], train, filters

    def test_updates(self):
        for update, dimensions in [
            *((name, 2) for name in UPDATES),
            ('adam', 3),
        ]:
            with self.subTest(update, dimensions=dimensions):
                self.assert_same_run(
                    lambda mode: self.trained(mode, update, dimensions)[0]
                )

    def test_penalties_and_norms(self):
        for options in dict(penalty=True), dict(clip=True):
            with self.subTest(options):
                self.assert_same_run(
                    lambda mode: self.trained(
                        mode, 'nesterov_momentum', **options
                    )[0]
                )

    def test_nothing_is_moved(self):
        for update in UPDATES:
            for options in {}, dict(clip=True):
                with self.subTest(update, **options):
                    _, train, filters = self.trained(
                        self.modes()[0], update, **options
                    )
                    self.assertEqual(count_moves(train), 0)
                    self.assertGreaterEqual(count_ops(train, Flip), 4)
                    for w in filters:
                        self.assertTrue(is_reversed(w.get_value(borrow=True)))

    def test_updates_are_in_place(self):
        _, train, filters = self.trained(self.modes()[0])
        before = [w.get_value(borrow=True).ctypes.data for w in filters]
        train(images())
        self.assertEqual(
            before, [w.get_value(borrow=True).ctypes.data for w in filters]
        )

    def test_moments_of_zeros_are_flipped_in_place(self):
        x, filters, loss = network()
        new = updates.adam(loss, filters)
        train = theano.function([x], loss, updates=new, mode=self.modes()[0])
        moments = [
            variable
            for variable in new
            if variable.ndim == 4 and variable not in filters
        ]
        before = [span(moment) for moment in moments]
        train(images())
        self.assertEqual(before, [span(moment) for moment in moments])
        for moment in moments:
            self.assertTrue(is_reversed(moment.get_value(borrow=True)))

    def test_no_elements(self):
        x, w = T.tensor4(), theano.shared(np.ones((3, 0, 3, 3)))
        train = theano.function(
            [x],
            updates=updates.adam(T.sum(conv2d(x, w)), [w]),
            mode=self.modes()[0],
        )
        train(np.ones((2, 0, 4, 4)))
        self.assertEqual(w.get_value().shape, (3, 0, 3, 3))

    def test_others_see_no_difference(self):
        _, train, (w, v) = self.trained(self.modes()[0])
        plain = np.array(w.get_value())
        for variable in (copy.deepcopy(w), pickle.loads(pickle.dumps(w)), w):
            np.testing.assert_array_equal(variable.get_value(), plain)
        self.assertFalse(is_reversed(w.get_value()))
        for mode in [*self.modes(), 'FAST_COMPILE', None]:
            function = theano.function([], [w * 2, w], mode=mode)
            for found, expected in zip(function(), (plain * 2, plain)):
                np.testing.assert_array_equal(found, expected)
                self.assertFalse(is_reversed(found))

    def test_outputs_are_not_reversed(self):
        x, (w, v), loss = network()
        new = updates.sgd(loss, [w, v], 0.1)
        train = theano.function(
            [x],
            [new[w], T.grad(loss, v), w],
            updates=new,
            mode=self.modes()[0],
        )
        for _ in range(2):
            expected = w.get_value()
            after, gradient, before = train(images())
            for array in after, gradient, before:
                self.assertFalse(is_reversed(array))
            np.testing.assert_array_equal(before, expected)
            np.testing.assert_array_equal(after, w.get_value())

    def test_functions_without_updates_take_them_as_they_are(self):
        _, train, filters = self.trained(self.modes()[0])
        x, _, _ = network()
        y = conv2d_grad_wrt_inputs(
            conv2d(x, filters[0]), filters[1], (None, 2, 7, 8)
        )
        test = theano.function([x], y, mode=self.modes()[0])
        self.assertEqual(count_moves(test), 0)
        self.assertEqual(count_ops(test, Flip), 2)
        expected = theano.function([x], y, mode=self.modes()[1])(images())
        np.testing.assert_allclose(test(images()), expected)
        for w in filters:
            self.assertTrue(is_reversed(w.get_value(borrow=True)))
            w.set_value(w.get_value())  # in the usual order
        np.testing.assert_allclose(test(images()), expected)

    def test_writing_into_borrowed_arrays_takes_effect(self):
        def run(mode):
            _, train, filters = self.trained(mode)
            filters[0].get_value(borrow=True)[0, 1, 2] = 0.5
            filters[1].set_value(np.ones((4, 2, 3, 3)))
            return [train(images()), *(w.get_value() for w in filters)]

        self.assert_same_run(run)

    def test_functions_that_share_filters(self):
        def run(mode):
            x, filters, loss = network()
            trains = [
                theano.function([x], loss, mode=mode, updates=update)
                for update in (
                    updates.adam(loss, filters),
                    updates.sgd(loss, filters[:1], 0.1),
                )
            ]
            test = theano.function([x], loss, mode=mode)
            return [
                function(images())
                for _ in range(3)
                for function in [*trains, test]
            ]

        self.assert_same_run(run)

    def test_with_rewrites_and_without(self):
        for mode, expected in (
            (self.modes()[0], True),
            (self.modes()[0].excluding('torch_keep_flipped'), False),
        ):
            _, train, filters = self.trained(mode)
            self.assertEqual(count_ops(train, Flip) > 0, expected)
            self.assertEqual(
                is_reversed(filters[0].get_value(borrow=True)), expected
            )

    def test_filters_of_one_element(self):
        def run(mode):
            x, w = T.tensor4(), theano.shared(np.ones((3, 2, 1, 1)))
            loss = T.sum(T.sqr(conv2d(x, w)))
            train = theano.function(
                [x], loss, mode=mode, updates=updates.adam(loss, [w])
            )
            return [train(images()) for _ in range(3)] + [w.get_value()]

        self.assert_same_run(run)


class FlippedOnceTest(EngineTest):
    def test_one_flip_for_each_parameter(self):
        x, filters, loss = network()
        outputs = [loss, *T.grad(loss, [*filters, x])]
        graph = theano.gof.FunctionGraph(
            [x, *filters], outputs, clone=True, update_mapping={1: 1, 2: 2}
        )
        torch_mode('cuda').optimizer.optimize(graph)
        flips = [
            node for node in graph.apply_nodes if isinstance(node.op, Flip)
        ]
        self.assertEqual(
            {node.inputs[0] for node in flips}, set(graph.inputs[1:])
        )
        self.assertEqual(len(flips), 2)
        # Each flip serves the forward and the backward pass.
        for node in flips:
            self.assertFalse(node.op.kept)
            self.assertGreaterEqual(len(node.outputs[0].clients), 2)

    def test_values(self):
        def run(mode):
            x, filters, loss = network(penalty=True)
            train = theano.function(
                [x], loss, mode=mode, updates=updates.adam(loss, filters)
            )
            return [train(images()) for _ in range(3)] + [
                w.get_value() for w in filters
            ]

        mode = cuda_rewrites_mode()
        self.assert_equal(run(mode), run(mode.excluding('torch_flip_once')))
