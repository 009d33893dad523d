"""Tests of the loop over minibatches."""

import contextlib
import csv
import io
import math
import os
import signal
import threading
from collections import namedtuple
from unittest import mock

import numpy as np
import theano

from kneerepro import runs
from kneerepro.runs import archive
from kneerepro.runs import training as training_module
from kneerepro.runs.training import Training
from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.signals import signal_of
from tests.folders import FolderTest
from tests.runs.fake_processes import become_process

Functions = namedtuple('Functions', 'train')


class FakeFunction:
    """Stands for a compiled function. Its state is a decaying sum of all that
    it was called with.
    """

    def __init__(self):
        self.total = theano.shared(np.zeros(2, 'float32'))
        self.step = None

    def get_shared(self):
        return [self.total]

    def __call__(self, batch):
        self.total.set_value(
            self.total.get_value() * np.float32(0.9) + batch.sum()
        )
        loss = self.step and self.step()
        return self.total.get_value().mean() if loss is None else loss


class TrainingTest(FolderTest):
    """Trains on images of one pixel: the value of image i is i."""

    def setUp(self):
        super().setUp()
        self.stderr, self.stdout = io.StringIO(), io.StringIO()
        output = contextlib.ExitStack()
        output.enter_context(contextlib.redirect_stdout(self.stdout))
        output.enter_context(contextlib.redirect_stderr(self.stderr))
        self.addCleanup(output.close)
        self.batches = []

    def begin(
        self,
        run=None,
        count=10,
        batch_size=3,
        epochs=4,
        iterations=None,
        seed=0,
        shuffle=True,
        feed=iter,
        interval=math.inf,
        board=None,
    ):
        parameters = dict(
            batch_size=batch_size,
            epochs=epochs,
            iterations=iterations,
            seed=seed,
            shuffle=shuffle,
        )
        self.run_ = run or runs.create(
            self.path('runs'),
            {
                'experiment': 'cae2d',
                'preset': 'smoke',
                'parameters': parameters,
            },
            {},
        )
        self.fake = FakeFunction()
        images = np.arange(count, dtype='float32')[:, None]
        return Training(
            self.run_,
            [],
            Functions(self.fake),
            images,
            ['train', 'test'],
            ['code_spread'],
            feed,
            interval,
            board,
        )

    def work(self, training):
        for batch in training.minibatches():
            self.batches.append(batch.ravel().astype(int).tolist())
            training.log(train=self.fake(batch))
            if training.ends_epoch:
                training.log(
                    test=training.epoch, code_spread=self.spread(training)
                )
                training.record(epochs=training.epoch, images=batch)
        return training

    def spread(self, training):
        """Return the measure at the end of an epoch."""
        return 0.1 / training.epoch

    def again(self):
        """Resume the training, as another process would."""
        return self.begin(runs.Run(self.run_.folder))

    def orders(self, **kwargs):
        """Return the images of each epoch, in order."""
        self.batches = []
        training = self.work(self.begin(**kwargs))
        n = training.iterations_per_epoch
        return [
            sum(self.batches[i : i + n], [])
            for i in range(0, len(self.batches), n)
        ]

    def losses(self):
        with open(self.run_.path('losses.csv'), newline='') as file:
            return list(csv.DictReader(file))

    def signal_at(self, iteration, *signums):
        def step():
            if len(self.batches) == iteration:
                for signum in signums:
                    os.kill(os.getpid(), signum)

        self.fake.step = step


class EpochTest(TrainingTest):
    def test_each_image_once_in_an_epoch(self):
        for order in self.orders():
            self.assertEqual((len(order), len(set(order))), (9, 9))
            self.assertLess(set(order), set(range(10)))

    def test_other_order_each_epoch(self):
        orders = self.orders()
        self.assertEqual(len(set(map(tuple, orders))), 4)
        self.assertEqual(self.orders(), orders)
        self.assertNotEqual(self.orders(seed=1), orders)
        self.assertEqual(self.orders(shuffle=False), [list(range(9))] * 4)

    def test_numbers(self):
        training = self.begin()
        seen = []
        for _ in training.minibatches():
            seen.append(
                (training.iteration, training.epoch, training.ends_epoch)
            )
        self.assertEqual(
            seen, [(i, (i + 2) // 3, i % 3 == 0) for i in range(1, 13)]
        )

    def test_length_in_iterations(self):
        training = self.begin(iterations=7)
        self.assertEqual((training.iterations, training.epochs), (7, 3))
        ends = [
            training.iteration
            for _ in training.minibatches()
            if training.ends_epoch
        ]
        self.assertEqual(ends, [3, 6, 7])

    def test_ends_interval(self):
        training = self.begin(count=9, epochs=3)
        found = []
        for _ in training.minibatches():
            training.log(train=1)
            if training.ends_interval(4):
                found.append(training.iteration)
        self.assertEqual(found, [4, 8, 9])

    def test_ends_scaled_epoch(self):
        training = self.begin(epochs=10)
        self.assertEqual(
            [
                training.epoch
                for _ in training.minibatches()
                if training.ends_scaled_epoch([1, 20, 50, 100], of=100)
            ],
            [1, 2, 5, 10],
        )

    def test_less_than_a_minibatch(self):
        with self.assertRaisesRegex(UserError, '^2 training examples .* of 3'):
            self.begin(count=2)

    def test_feed(self):
        fed = []

        def feed(batches):
            for batch in batches:
                fed.append(batch.ravel().astype(int).tolist())
                yield batch

        self.work(self.begin(feed=feed))
        self.assertEqual(fed, self.batches)


class RecordTest(TrainingTest):
    def test_results(self):
        training = self.begin()
        training.log(test=0.5)
        results = self.work(training).results()
        self.assertEqual(results['train_loss'].shape, (13,))
        self.assertTrue(math.isnan(results['train_loss'][0]))
        np.testing.assert_array_equal(
            np.flatnonzero(~np.isnan(results['test_loss'])), [0, 3, 6, 9, 12]
        )
        np.testing.assert_array_equal(results['epochs'], [1, 2, 3, 4])
        self.assertEqual(results['images'].shape, (4, 3, 1))
        np.testing.assert_array_equal(
            results['code_spread'],
            [math.nan] * 3
            + [0.1]
            + [math.nan] * 2
            + [0.05]
            + [math.nan] * 2
            + [0.1 / 3]
            + [math.nan] * 2
            + [0.025],
        )
        self.assertEqual(training.last_measures(), {'code_spread': 0.025})
        self.assertEqual(results['iterations_per_epoch'], 3)
        self.assertGreater(results['seconds'], 0)

    def test_losses(self):
        training = self.begin()
        training.log(test=0.5)
        self.work(training)
        rows = self.losses()
        self.assertEqual(
            [int(row['iteration']) for row in rows], list(range(13))
        )
        self.assertEqual((rows[0]['train'], rows[0]['test']), ('', '0.5'))
        self.assertEqual(
            [float(row['train']) for row in rows[1:]],
            training.losses['train'][1:],
        )
        self.assertEqual(
            [row['code_spread'] for row in rows[:4]], ['', '', '', '0.1']
        )

    def test_only_what_was_measured_is_shown(self):
        with mock.patch.object(training_module, 'Progress') as progress:
            self.work(self.begin())
        shown = progress.return_value.__enter__.return_value
        texts = [call.args[2] for call in shown.call_args_list]
        self.assertRegex(texts[0], r'^epoch 1/4, train [\d.]+$')
        self.assertRegex(texts[-1], r', test 4, code spread 0\.025$')

    def test_what_is_recorded_does_not_change(self):
        training = self.begin()
        value = np.zeros(2)
        training.record(value=value)
        value += 1
        np.testing.assert_array_equal(training.results()['value'], [[0, 0]])


class CollapseTest(TrainingTest):
    """The code is the same for all examples."""

    def warnings(self):
        """Return the warnings since the last call."""
        lines = self.stdout.getvalue().splitlines()
        self.stdout.seek(0)
        self.stdout.truncate()
        return [line for line in lines if line.startswith('warning: ')]

    def test_one_warning(self):
        for spreads, count in [
            ([1e-4] * 20, 1),
            ([0.3] * 20, 0),
            ([1e-4] + [0.3] * 19, 0),  # only at first
            ([0.3] * 10 + [1e-4] * 10, 1),
        ]:
            self.spread = lambda training: spreads[training.epoch - 1]
            self.work(self.begin(epochs=20))
            warnings = self.warnings()
            self.assertEqual(len(warnings), count, spreads)
        self.assertIn(
            'every reconstruction is the mean image. Try --output-bias mean',
            warnings[0],
        )

    def test_not_again_when_resumed(self):
        self.spread = lambda training: 1e-4
        training = self.begin(epochs=20)
        self.signal_at(20, signal.SIGINT)
        with self.assertRaises(Stopped):
            self.work(training)
        self.assertEqual(len(self.warnings()), 1)
        self.work(self.again())
        self.assertEqual(self.warnings(), [])


class ResumeTest(TrainingTest):
    def finished(self):
        """Return batches, state and losses of an uninterrupted training."""
        self.work(self.begin())
        whole = (
            self.batches,
            self.fake.total.get_value(),
            self.read(
                os.path.relpath(self.run_.path('losses.csv'), self.folder)
            ),
        )
        self.batches = []
        return whole

    def assert_same(self, whole):
        batches, total, losses = whole
        self.assertEqual(self.batches, batches)
        np.testing.assert_array_equal(self.fake.total.get_value(), total)
        self.assertEqual(
            self.read(
                os.path.relpath(self.run_.path('losses.csv'), self.folder)
            ),
            losses,
        )

    def stop(self, training, signum=signal.SIGINT):
        with self.assertRaises(Stopped) as caught:
            self.work(training)
        self.assertEqual(caught.exception.signum, signum)
        self.assertIn('--resume', str(caught.exception))

    def test_after_any_iteration(self):
        whole = self.finished()
        for iteration in range(1, 12):
            for signum in signal.SIGINT, signal.SIGTERM:
                self.batches = []
                training = self.begin()
                self.signal_at(iteration, signum)
                self.stop(training, signum)
                self.assertEqual(len(self.batches), iteration)
                training = self.again()
                self.assertEqual(training.iteration, iteration)
                self.work(training)
                self.assert_same(whole)
                np.testing.assert_array_equal(
                    training.results()['epochs'], [1, 2, 3, 4]
                )

    def test_several_times(self):
        whole = self.finished()
        training = self.begin()
        for iteration in 2, 3, 8:
            self.signal_at(iteration, signal.SIGINT)
            self.stop(training)
            training = self.again()
        self.work(training)
        self.assert_same(whole)

    def test_after_the_last(self):
        whole = self.finished()
        again = self.again()
        self.assertEqual(again.iteration, 12)
        self.work(again)
        self.assertEqual(self.batches, [])
        self.batches = whole[0]
        self.assert_same(whole)

    def killed(self, at):
        """Leave a training in an iteration, as kill -9 does, with a checkpoint
        after each iteration before.
        """
        training = self.begin(interval=0)
        for batch in training.minibatches():
            if training.iteration > at:
                break
            self.batches.append(batch.ravel().astype(int).tolist())
            training.log(train=self.fake(batch))
            if training.ends_epoch:
                training.log(
                    test=training.epoch, code_spread=self.spread(training)
                )
                training.record(epochs=training.epoch, images=batch)

    def checkpoints(self):
        folder = self.run_.path('checkpoints')
        return [
            os.path.join(folder, name) for name in sorted(os.listdir(folder))
        ]

    def test_killed(self):
        whole = self.finished()
        self.killed(5)
        self.assertEqual(
            [os.path.basename(path) for path in self.checkpoints()],
            ['00000004.npz', '00000005.npz'],
        )
        self.work(self.again())
        self.assert_same(whole)

    def test_damaged_checkpoints(self):
        whole = self.finished()
        self.killed(5)
        with open(self.checkpoints()[1], 'rb+') as file:
            file.truncate(500)
        # A process that is killed while it writes a checkpoint leaves this.
        self.write(
            os.path.relpath(
                self.run_.path('checkpoints', '.x-00000006.npz'), self.folder
            ),
            'part',
        )
        training = self.again()
        self.assertEqual(training.iteration, 4)
        self.assertIn(
            '00000005.npz is truncated or damaged', self.stderr.getvalue()
        )
        del self.batches[4:]
        self.work(training)
        self.assert_same(whole)

    def test_all_damaged(self):
        whole = self.finished()
        self.killed(5)
        for path in self.checkpoints():
            with open(path, 'wb'):
                pass
        training = self.again()
        self.assertEqual(training.iteration, 0)
        self.batches = []
        self.work(training)
        self.assert_same(whole)

    def test_checkpoints_without_measures(self):
        """Earlier versions wrote such checkpoints."""
        self.killed(5)
        for path in self.checkpoints():
            arrays, meta = archive.load(path, 'checkpoint')
            arrays = {
                name: array
                for name, array in arrays.items()
                if not name.startswith('measure/')
            }
            archive.save(path, 'checkpoint', arrays, meta)
        training = self.again()
        self.assertEqual(training.iteration, 5)
        spread = self.work(training).results()['code_spread']
        np.testing.assert_array_equal(
            np.flatnonzero(~np.isnan(spread)), [6, 9, 12]
        )

    def test_foreign_checkpoints(self):
        self.killed(5)
        good = archive.load(self.checkpoints()[0], 'checkpoint')
        arrays, meta = archive.load(self.checkpoints()[1], 'checkpoint')
        for message, kind, changed, about in [
            ('is a model', 'model', arrays, meta),
            (
                'belongs to another configuration: its experiment is dcgan',
                'checkpoint',
                arrays,
                dict(
                    meta, settings=dict(meta['settings'], experiment='dcgan')
                ),
            ),
            (
                'belongs to another network: its train.0 is float32 of shape '
                "(3,), the run's is float32 of shape (2,)",
                'checkpoint',
                {**arrays, 'variable/train.0': np.zeros(3, 'float32')},
                meta,
            ),
            (
                'belongs to another network: its train.0 is float64 of shape '
                '(2,)',
                'checkpoint',
                {**arrays, 'variable/train.0': np.zeros(2)},
                meta,
            ),
            (
                'belongs to another program: only the checkpoint has a '
                'variable more',
                'checkpoint',
                {**arrays, 'variable/more.0': np.zeros(2)},
                meta,
            ),
            (
                'belongs to another program: its losses are more, test, train',
                'checkpoint',
                {**arrays, 'loss/more': np.zeros(2)},
                meta,
            ),
        ]:
            archive.save(self.checkpoints()[1], kind, changed, about)
            self.stderr.truncate(0)
            self.assertEqual(self.again().iteration, good[1]['iteration'])
            self.assertIn(message, self.stderr.getvalue())

    def test_cannot_be_written(self):
        training = self.begin(interval=0)
        step = iter(training.minibatches())
        for _ in range(3):
            training.log(train=self.fake(next(step)))
        good = self.checkpoints()
        full = mock.patch('os.fsync', side_effect=OSError(28, 'full'))
        with full, self.assertRaisesRegex(UserError, 'No space left'):
            next(step)
        self.assertEqual(self.checkpoints(), good)
        self.assertEqual(self.again().iteration, 2)


class DivergenceTest(TrainingTest):
    def test_loss(self):
        for loss in 'nan', 'inf', '-inf':
            self.batches = []
            training = self.begin(interval=0)
            self.fake.step = lambda: (
                float(loss) if len(self.batches) == 5 else None
            )
            with self.assertRaisesRegex(
                UserError,
                f'^the train loss is {loss} at iteration 5 '
                r'\(epoch 2\): .*00000004.npz',
            ):
                self.work(training)
            self.assertEqual(self.again().iteration, 4)

    def test_parameters(self):
        # The loss is that before the step, so it may still be finite.
        training = self.begin(interval=0)
        step = iter(training.minibatches())
        for _ in range(3):
            training.log(train=self.fake(next(step)))
        self.fake.total.set_value(np.float32([1, np.nan]))
        with self.assertRaisesRegex(
            UserError,
            'train.0 is no longer finite at iteration 3 .*00000002.npz',
        ):
            next(step)
        self.assertEqual(self.again().iteration, 2)


class SignalTest(TrainingTest):
    def setUp(self):
        super().setUp()
        self.received = []

        def handler(*args):
            self.received.append(args)

        for signum in signal.SIGINT, signal.SIGTERM:
            self.addCleanup(
                signal.signal, signum, signal.signal(signum, handler)
            )
        self.handler = handler

    def assert_handlers_are_back(self):
        self.assertEqual(self.received, [])
        for signum in signal.SIGINT, signal.SIGTERM:
            self.assertIs(signal.getsignal(signum), self.handler)

    def test_after_the_end(self):
        self.work(self.begin())
        self.assert_handlers_are_back()

    def test_stop(self):
        training = self.begin()
        self.signal_at(5, signal.SIGTERM)
        with self.assertRaises(Stopped):
            self.work(training)
        self.assertIn('stopping after this step', self.stderr.getvalue())
        self.assert_handlers_are_back()

    def test_a_second_signal_stops_at_once(self):
        training = self.begin()
        self.signal_at(5, signal.SIGINT, signal.SIGINT)
        interrupt = None
        try:
            self.work(training)
        except KeyboardInterrupt as error:
            interrupt = error
        self.assertEqual(signal_of(interrupt), signal.SIGINT)
        self.assertEqual(len(training.losses['train']), 6)
        self.assert_handlers_are_back()

    def test_other_thread(self):
        thread = threading.Thread(target=lambda: self.work(self.begin()))
        thread.start()
        thread.join()
        self.assertEqual(len(self.batches), 12)


class BoardTest(TrainingTest):
    def test_curves_of_each_iteration(self):
        board = mock.Mock()
        training = self.begin(epochs=1, board=board)
        self.work(training)
        self.assertEqual(
            board.add.call_args_list,
            [
                call
                for i in (1, 2, 3)
                for call in (
                    mock.call('loss', training.losses, i),
                    mock.call('measure', training.measures, i),
                )
            ],
        )


class ProcessesTest(TrainingTest):
    """A training that two processes go through together."""

    def test_only_the_first_writes(self):
        whole = self.work(self.begin())
        expected = whole.results()
        path = self.run_.path
        self.assertEqual(
            sorted(os.listdir(path())),
            ['checkpoints', 'config.json', 'losses.csv'],
        )
        become_process(self, 1).shared = [0]
        found = self.work(self.begin(interval=0)).results()
        self.assertEqual(os.listdir(self.run_.folder), ['config.json'])
        for name in expected.keys() - {'seconds'}:
            np.testing.assert_array_equal(found[name], expected[name], name)

    def test_the_others_go_on_from_the_checkpoint_of_the_first(self):
        training = self.begin()
        self.signal_at(5, signal.SIGINT)
        with self.assertRaises(Stopped):
            self.work(training)
        run = self.run_
        become_process(self, 0)
        first = self.begin(run)
        state = self.fake.total.get_value()
        other = become_process(self, 1)
        other.shared = [5]
        training = self.begin(run)
        self.assertEqual(training.iteration, 5)
        (((variable,),),) = [other.broadcasts]
        self.assertIs(variable, self.fake.total)
        # What the broadcast would do.
        variable.set_value(state)
        batches = [
            [batch.tolist() for batch in each.minibatches()]
            for each in (training, first)
        ]
        self.assertEqual(*batches)
        self.assertEqual(len(batches[0]), 7)

    def test_all_stop_in_one_iteration(self):
        processes = become_process(self, 0)
        training = self.begin()
        self.signal_at(4, signal.SIGINT, signal.SIGINT)
        with self.assertRaises(Stopped) as caught:
            self.work(training)
        self.assertEqual(caught.exception.signum, signal.SIGINT)
        self.assertIn('after iteration 5 of 12', str(caught.exception))
        self.assertEqual(processes.votes, [0, 0, 0, 2, 2])
        self.assertEqual(self.stderr.getvalue(), '')
        # The other one gets the signal.
        processes = become_process(self, 1)
        processes.other_votes, processes.shared = [0, 15], [0, 'the path']
        with self.assertRaises(Stopped) as caught:
            self.work(self.begin())
        self.assertEqual(caught.exception.signum, signal.SIGTERM)
        self.assertIn(
            'iteration 3 of 12, saved in the path', str(caught.exception)
        )

    def test_signal_in_the_last_iteration(self):
        processes = become_process(self, 0)
        processes.other_votes = [0] * 11 + [15]
        with self.assertRaises(Stopped) as caught:
            self.work(self.begin())
        self.assertIn('after iteration 12 of 12', str(caught.exception))
