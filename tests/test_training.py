import contextlib
import io
import os
import signal
import threading
import unittest
from collections import namedtuple

import numpy as np

from kneerepro.errors import UserError
from kneerepro.training import mean_over, train_cae

Functions = namedtuple('Functions', 'train test')


class TrainTest(unittest.TestCase):
    """Trains on images that are numbers: image i is the number i."""

    def setUp(self):
        self.batches, self.tested, self.epochs = [], [], []
        output = contextlib.ExitStack()
        self.stderr = io.StringIO()
        output.enter_context(contextlib.redirect_stdout(io.StringIO()))
        output.enter_context(contextlib.redirect_stderr(self.stderr))
        self.addCleanup(output.close)

    def train(self, count=10, batch_size=3, epochs=4, step=None, test=None,
              **kwargs):
        """`step` and `test` are called with the number of the step just done;
        what they return, if anything, is the loss."""
        def train_batch(batch):
            self.assertEqual((batch.shape, batch.dtype),
                             ((batch_size, 1), 'float32'))
            self.batches.append(batch.ravel().astype(int).tolist())
            loss = step and step(len(self.batches))
            return np.float32(len(self.batches) if loss is None else loss)

        def test_batch(batch):
            self.tested.append(batch.ravel().astype(int).tolist())
            loss = test and test(len(self.batches))
            return np.float32(batch.mean() if loss is None else loss)

        images = np.arange(count, dtype='float32')[:, None]
        return train_cae(Functions(train_batch, test_batch), images,
                         100 + images[:5], batch_size, epochs,
                         after_epoch=self.epochs.append, **kwargs)

    def orders(self, **kwargs):
        """The images of each epoch, in order."""
        self.batches = []
        self.train(**kwargs)
        return [sum(self.batches[i:i + 3], []) for i in range(0, 12, 3)]


class EpochTest(TrainTest):
    def test_history(self):
        history = self.train()
        np.testing.assert_array_equal(history.train_mse, np.arange(1, 13))
        self.assertEqual(history.iterations_per_epoch, 3)
        self.assertEqual(history.epochs, 4)
        self.assertIs(history.interrupted, False)
        self.assertEqual(self.epochs, [1, 2, 3, 4])

    def test_test_loss_is_that_of_all_images(self):
        history = self.train()
        # Before training and after each epoch; the last minibatch is smaller
        # and weighs less.
        np.testing.assert_allclose(history.test_mse, [102] * 5)
        self.assertEqual(self.tested,
                         [[100, 101, 102], [103, 104]] * 5)

    def test_tested_before_training_and_after_each_epoch(self):
        history = self.train(test=float)
        np.testing.assert_array_equal(history.test_mse, [0, 3, 6, 9, 12])

    def test_each_image_once_in_an_epoch(self):
        for order in self.orders():
            self.assertEqual(len(order), 9)
            self.assertEqual(len(set(order)), 9)
            self.assertLess(set(order), set(range(10)))

    def test_other_order_each_epoch(self):
        orders = self.orders()
        self.assertEqual(len(set(map(tuple, orders))), 4)
        left_out = {tuple(set(range(10)) - set(order)) for order in orders}
        self.assertGreater(len(left_out), 1)

    def test_not_shuffled(self):
        self.assertEqual(self.orders(shuffle=False), [list(range(9))] * 4)

    def test_seed(self):
        self.assertEqual(self.orders(seed=1), self.orders(seed=1))
        self.assertNotEqual(self.orders(seed=1), self.orders(seed=2))
        self.assertEqual(self.orders(), self.orders(seed=0))
        np.random.seed(1)
        state = np.random.get_state()[1].tolist()
        self.orders()
        self.assertEqual(np.random.get_state()[1].tolist(), state)

    def test_whole_minibatches_only(self):
        for count, expected in [(3, 1), (5, 1), (6, 2), (11, 3)]:
            self.batches = []
            history = self.train(count, epochs=1)
            self.assertEqual(history.iterations_per_epoch, expected)
            self.assertEqual(len(self.batches), expected)

    def test_less_than_a_minibatch(self):
        with self.assertRaisesRegex(UserError, '^2 training examples .* of 3$'):
            self.train(count=2)
        self.assertEqual(self.batches, [])

    def test_loss_not_finite(self):
        for loss in ['nan', 'inf']:
            self.batches, self.epochs = [], []
            with self.assertRaisesRegex(
                    UserError, f'training loss is {loss} at iteration 5 '
                               r'\(epoch 2\)'):
                self.train(step=lambda i: float(loss) if i == 5 else None)
            self.assertEqual(len(self.batches), 5)
            self.assertEqual(self.epochs, [1])

    def test_test_loss_not_finite(self):
        # After the last step there is no other loss to tell.
        with self.assertRaisesRegex(
                UserError, r'test loss is nan at iteration 12 \(epoch 4\)'):
            self.train(test=lambda i: float('nan') if i == 12 else None)


class Interrupted(Exception):
    """A KeyboardInterrupt, which would end the tests, as if passed."""


class InterruptTest(TrainTest):
    def setUp(self):
        super().setUp()
        self.received = []
        self.handler = lambda *args: self.received.append(args)
        previous = signal.signal(signal.SIGINT, self.handler)
        self.addCleanup(signal.signal, signal.SIGINT, previous)

    def train(self, **kwargs):
        try:
            return super().train(**kwargs)
        except KeyboardInterrupt as error:
            raise Interrupted from error

    def interrupt_at(self, *steps):
        def step(i):
            for _ in range(steps.count(i)):
                os.kill(os.getpid(), signal.SIGINT)
        return step

    def assert_handler_is_back(self):
        self.assertEqual(self.received, [])
        self.assertIs(signal.getsignal(signal.SIGINT), self.handler)

    def test_ends_after_the_step(self):
        history = self.train(step=self.interrupt_at(5))
        self.assertIs(history.interrupted, True)
        self.assertEqual(len(self.batches), 5)
        np.testing.assert_array_equal(history.train_mse, np.arange(1, 6))
        self.assertEqual(history.epochs, 1)
        self.assertEqual(len(history.test_mse), 2)
        self.assertEqual(self.epochs, [1])
        self.assertIn('stopping after this step', self.stderr.getvalue())
        self.assert_handler_is_back()

    def test_in_the_first_epoch(self):
        history = self.train(step=self.interrupt_at(1))
        self.assertEqual((history.epochs, len(history.test_mse)), (0, 1))
        self.assertEqual(len(self.batches), 1)

    def test_during_the_test(self):
        def test(i):
            if len(self.tested) == 5:
                os.kill(os.getpid(), signal.SIGINT)

        history = self.train(test=test)
        self.assertIs(history.interrupted, True)
        self.assertEqual(len(self.batches), 6)
        self.assertEqual((history.epochs, len(history.test_mse)), (2, 3))
        self.assertEqual(self.epochs, [1, 2])

    def test_second_interrupt(self):
        with self.assertRaises(Interrupted):
            self.train(step=self.interrupt_at(5, 5))
        self.assertEqual(len(self.batches), 5)
        self.assert_handler_is_back()

    def test_handler_is_back_after_each_end(self):
        self.train()
        self.assert_handler_is_back()
        with self.assertRaises(UserError):
            self.train(step=lambda i: float('nan'))
        self.assert_handler_is_back()

    def test_in_a_thread(self):
        histories = []
        thread = threading.Thread(
            target=lambda: histories.append(self.train()))
        thread.start()
        thread.join()
        self.assertEqual(histories[0].epochs, 4)


class MeanOverTest(unittest.TestCase):
    def test_is_the_mean_whatever_the_size_of_the_minibatches(self):
        images = np.random.RandomState(1).rand(7, 2)
        for batch_size in range(1, 10):
            self.assertAlmostEqual(mean_over(np.mean, images, batch_size),
                                   images.mean())
