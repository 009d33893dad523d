"""Trainings from Python, as a notebook starts them."""

import contextlib
import csv
import io
import os
import pathlib
import shutil
import signal
import tempfile
import unittest
from unittest import mock

import numpy as np

from kneerepro import api, commands, runs
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.runs import archive
from kneerepro.runs.training import Training
from kneerepro.utils.errors import UserError
from tests.experiments.common import run_here, undrawn, unoptimised
from tests.folders import FolderTest
from tests.subprocesses import run_python

TINY = dict(preset='smoke', nz=4, batch_size=2, checkpoint_interval=0)

as_written = unoptimised()


def setUpModule():
    as_written.__enter__()


def tearDownModule():
    as_written.__exit__(None, None, None)


def write_dataset(path, count, *shape):
    with new_dataset(path, shape) as writer:
        for i in range(count):
            writer.append(np.random.RandomState(i).rand(*shape), str(i))
    return path


@contextlib.contextmanager
def quiet():
    """Keep what trainings print out of the tests' output."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield


def train(*args, **kwargs):
    with quiet():
        return api.train(*args, **kwargs)


class OptionsTest(unittest.TestCase):
    def words(self, name='cae2d', **options):
        return api._words(name, options)

    def assert_refused(self, message, name='cae2d', **options):
        with self.assertRaises(UserError) as caught:
            api.train(name, **options)
        self.assertIn(message, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))

    def test_are_flags(self):
        self.assertEqual(
            self.words(
                data=pathlib.Path('-k') / 'knees.h5',
                learning_rate=1 / 3,
                epochs=np.int64(5),
                beta1=np.float32(0.1),
                channels=[8, 8, 4, 1],
                shuffle=False,
                flip_left=np.True_,
                tensorboard=True,
            ),
            [
                '--data=-k/knees.h5',
                '--learning-rate=0.3333333333333333',
                '--epochs=5',
                f'--beta1={float(np.float32(0.1))!r}',
                '--channels=8,8,4,1',
                '--no-shuffle',
                '--flip-left',
                '--tensorboard',
            ],
        )

    def test_without_a_value(self):
        # Only these two parameters can be none.
        self.assertEqual(
            self.words(test=None, iterations=None),
            ['--test=none', '--iterations=none'],
        )
        self.assertEqual(
            self.words(
                data=None,
                preset=None,
                resume=False,
                epochs=None,
                shuffle=None,
                tensorboard=False,
                any_series=False,
            ),
            [],
        )
        self.assertEqual(self.words(resume=True), ['--resume'])
        self.assertEqual(self.words(resume='r'), ['--resume=r'])

    def test_each_flag_is_an_option(self):
        for name in 'cae3d', 'wgan_gp':
            parser = api.parser_of(name)
            flags = {
                flag
                for action in parser._actions
                for flag in action.option_strings
            }
            for flag in flags - {'-h', '--help'}:
                known = flag[2:].removeprefix('no-').replace('-', '_')
                with self.assertRaises(UserError) as caught:
                    self.words(name, **{known + 'x': 1})
                self.assertIn(f'did you mean {known}?', str(caught.exception))

    def test_unknown_ones_are_refused(self):
        self.assert_refused(
            'cae2d has no option epoch (did you mean epochs?)', epoch=3
        )
        self.assert_refused('dcgan has no option test', 'dcgan', test=3)
        self.assert_refused('cae2d has no option help', help=True)
        self.assert_refused(
            'no experiment wgangp (did you mean wgan_gp?): the experiments '
            'are cae2d, ',
            'wgangp',
        )

    def test_wrong_values_are_refused_as_on_the_command_line(self):
        for message, options in [
            ('argument --epochs: 0 is not at least 1', dict(epochs=0)),
            ("argument --nz: '1.5' is not an integer", dict(nz=1.5)),
            ('not one of last, patient', dict(split='first')),
            ("invalid choice: 'cray'", dict(device='cray')),
            (
                'not allowed with',
                dict(any_series=True, series_description='T1'),
            ),
            ('cannot read preset quik', dict(preset='quik')),
            ('no unfinished run', dict(resume=True, out='/nowhere')),
        ]:
            self.assert_refused(message, **options)


class ExportTest(unittest.TestCase):
    def test_is_lazy(self):
        done = run_python(
            'import sys, kneerepro\n'
            "heavy = {'kneerepro.api', 'theano', 'lasagne', 'numpy', 'tqdm'}\n"
            'assert not heavy & set(sys.modules)\n'
            "assert {'train', 'resume', 'open_run'} <= set(dir(kneerepro))\n"
            'try:\n'
            '    kneerepro.trian\n'
            'except AttributeError as error:\n'
            "    assert 'trian' in str(error)\n"
            # Matplotlib's own imports warn.
            'import warnings\n'
            "warnings.simplefilter('ignore')\n"
            'from kneerepro import open_run, resume, train\n'
            'assert train is sys.modules["kneerepro.api"].train\n',
        )
        self.assertEqual((done.returncode, done.stderr), (0, ''))


class AutoencoderTest(unittest.TestCase):
    """One training for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = write_dataset(cls.path('knees.h5'), 5, 16, 16, 16)
        cls.options = dict(TINY, data=cls.data, epochs=3, learning_rate=0.0007)
        cls.run_ = train('cae3d', out=cls.path('here'), **cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.folder, *names)

    def assert_same(self, run, other):
        """Two runs have the same numbers, to the bit."""
        for name in 'losses.csv', 'figures/figure3_4.png':
            contents = [
                pathlib.Path(either.path(name)).read_bytes()
                for either in (run, other)
            ]
            self.assertEqual(*contents, name)
        for name, kind in ('model.npz', 'model'), ('results.npz', 'results'):
            arrays, expected = (
                archive.load(either.path(name), kind)[0]
                for either in (run, other)
            )
            self.assertEqual(set(arrays), set(expected))
            for key in set(arrays) - {'seconds'}:
                np.testing.assert_array_equal(arrays[key], expected[key], key)

    def test_the_numbers_are_those_of_the_command_line(self):
        flags = [
            f'--{name.replace("_", "-")}={value}'
            for name, value in self.options.items()
        ]
        run_here('cae3d', *flags, '--out', self.path('there'))
        (run,) = runs.find(self.path('there'), 'cae3d')
        self.assert_same(self.run_.run, run)
        self.assertEqual(self.run_.run.arguments, run.arguments)

    def test_where_it_came_from(self):
        (start,) = self.run_.run.environments()
        self.assertEqual(start['command'][:2], ['kneerepro.train', 'cae3d'])
        self.assertIn('--epochs=3', start['command'])

    def test_losses(self):
        losses, results = self.run_.losses, self.run_.results
        self.assertEqual(set(losses), {'train', 'test', 'first_ten'})
        self.assertEqual(set(self.run_.measures), {'code_spread'})
        with open(self.run_.run.path('losses.csv'), newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 1 + 3 * 2)
        for name, values in {**losses, **self.run_.measures}.items():
            iterations, known = self.run_.curve(name)
            self.assertEqual(
                [float(row[name]) for row in rows if row[name]], list(known)
            )
            self.assertEqual(
                [i for i, row in enumerate(rows) if row[name]],
                list(iterations),
            )
            self.assertEqual(values.shape, (len(rows),))
        np.testing.assert_array_equal(losses['train'], results['train_loss'])
        with self.assertRaisesRegex(UserError, r'did you mean train\?'):
            self.run_.curve('trian')

    def test_figures(self):
        figures = self.run_.figures
        self.assertEqual(list(figures), ['2.4', '3.4', '3.5', 'codes'])
        for number, picture in figures.items():
            self.assertEqual(picture.number, number)
            self.assertTrue(picture.caption)
            png = picture._repr_png_()
            self.assertEqual(png[:4], b'\x89PNG')
            self.assertEqual(pathlib.Path(picture.path).read_bytes(), png)
        with self.assertRaisesRegex(
            UserError, r"cae3d has no figure '3.9': it has 2.4, 3.4, 3.5, code"
        ):
            figures['3.9']

    def test_a_figure_that_was_lost_is_drawn_again(self):
        picture = self.run_.figures['3.5']
        before = picture._repr_png_()
        os.remove(picture.path)
        with self.assertRaisesRegex(UserError, r'resume\(run\) draws it'):
            picture._repr_png_()
        with quiet():
            again = api.resume(self.run_)
        self.assertEqual(again.folder, self.run_.folder)
        self.assertEqual(again.figures['3.5']._repr_png_(), before)

    def test_report(self):
        page = pathlib.Path(self.run_.report).read_text('utf-8')
        self.assertIn('The 3D autoencoder', page)

    def test_dataset(self):
        with self.run_.open_dataset() as dataset:
            self.assertEqual(dataset.volumes.shape, (5, 1, 16, 16, 16))
        with (
            mock.patch('kneerepro.api.find_dataset', return_value=None),
            self.assertRaisesRegex(UserError, 'no longer where it was'),
        ):
            self.run_.open_dataset()

    def test_open_run(self):
        run = api.open_run(pathlib.Path(self.run_.folder))
        self.assertEqual(
            repr(run), f'<finished run of cae3d: {self.run_.folder}>'
        )
        self.assertEqual(run.parameters, self.run_.parameters)
        for name, values in self.run_.losses.items():
            np.testing.assert_array_equal(run.losses[name], values)
        with self.assertRaisesRegex(UserError, 'is not a run'):
            api.open_run(self.folder)

    def test_reconstruct(self):
        with quiet():
            commands.main(
                [
                    'reconstruct',
                    self.run_.folder,
                    self.data,
                    '--out',
                    self.path('made'),
                ]
            )
        expected = np.load(self.path('made', 'reconstruction.npy'))
        with Dataset(self.data) as dataset:
            volumes = dataset.volumes[:]
            made = self.run_.reconstruct(dataset.volumes)
        np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
        self.assertEqual(made.dtype, np.float32)
        # The axes before those of a volume stay as they are.
        for given in volumes[:, 0], volumes[0, 0], volumes[None, :3]:
            made = self.run_.reconstruct(given)
            self.assertEqual(made.shape, given.shape)
            np.testing.assert_allclose(
                made.ravel(), expected.ravel()[: given.size], 1e-5, 1e-6
            )

    def test_encode(self):
        with Dataset(self.data) as dataset:
            volumes = dataset.volumes[:]
        codes = self.run_.encode(volumes)
        self.assertEqual(codes.shape, (5, 4))
        self.assertEqual(self.run_.encode(volumes[0, 0]).shape, (4,))
        self.assertEqual(self.run_.encode(volumes[:, 0]).shape, (5, 4))
        self.assertTrue(((codes > 0) & (codes < 1)).all())
        np.testing.assert_allclose(
            self.run_.encode(list(volumes[3:])), codes[3:], rtol=1e-5
        )

    def test_images_that_do_not_fit(self):
        fitting = np.zeros((1, 16, 16, 16))
        for message, images in [
            (
                '(3, 32, 16, 16), but this autoencoder takes 16 x 16 x 16',
                np.zeros((3, 32, 16, 16)),
            ),
            ('(16, 16)', np.zeros((16, 16))),
            ('values from 0 to 2', fitting + 2 * np.eye(16)),
            ('from nan', fitting * np.nan),
            ('no images', fitting[:0]),
        ]:
            for method in self.run_.reconstruct, self.run_.encode:
                with self.assertRaises(UserError) as caught:
                    method(images)
                self.assertIn(message, str(caught.exception))

    def test_generates_nothing(self):
        with self.assertRaisesRegex(UserError, 'use reconstruct or encode'):
            self.run_.generate(3)


class GANTest(FolderTest):
    def test_generate(self):
        data = write_dataset(self.path('knees.h5'), 2, 2, 64, 64)
        run = train(
            'dcgan', data=data, out=self.path('runs'), epochs=1, **TINY
        )
        self.assertEqual(set(run.losses), {'discriminator', 'generator'})
        self.assertEqual(set(run.measures), {'image_spread'})
        self.assertEqual(list(run.figures), ['2.5', '3.6', '3.7'])
        with quiet():
            commands.main(
                f'generate {run.folder} -n 130 --seed 3 --out '
                f'{self.path("made")}'.split()
            )
        with np.load(self.path('made', 'images.npz')) as made:
            images = made['images']
        np.testing.assert_array_equal(run.generate(130, seed=3), images)
        self.assertEqual(run.generate().shape, (25, 1, 64, 64))
        for message, options in [
            ('n: 0 is not at least 1', dict(n=0)),
            ('seed: -1 is not from 0', dict(seed=-1)),
        ]:
            with self.assertRaisesRegex(UserError, message):
                run.generate(**options)
        for method in run.reconstruct, run.encode:
            with self.assertRaisesRegex(UserError, 'use generate'):
                method(images)


class StopTest(FolderTest):
    """A training that a signal or an error ends in its third iteration."""

    signals = signal.SIGINT, signal.SIGTERM

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        data = write_dataset(os.path.join(folder, 'knees.h5'), 8, 1, 16, 16)
        cls.options = dict(TINY, data=data, epochs=2, test=2)
        with undrawn:
            cls.whole = train('cae2d', out=folder, **cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    def setUp(self):
        super().setUp()
        self.before = [signal.getsignal(signum) for signum in self.signals]

    def train(self, act, **options):
        """Train; call `act` in the third iteration."""
        log = Training.log

        def log_and_act(training, **values):
            log(training, **values)
            if training.iteration == 3 and 'train' in values:
                act()

        with mock.patch.object(Training, 'log', log_and_act):
            train('cae2d', out=self.folder, **{**self.options, **options})

    def send(self, *signums):
        def act():
            for signum in signums:
                os.kill(os.getpid(), signum)

        return act

    def assert_handlers_are_restored(self):
        self.assertEqual(
            [signal.getsignal(signum) for signum in self.signals], self.before
        )

    def assert_resumes(self):
        """The stopped run can be resumed and equals one never stopped."""
        (stopped,) = runs.find(self.folder, 'cae2d')
        with self.assertRaisesRegex(
            UserError, r'is not finished; to resume: kneerepro\.resume\('
        ):
            api.open_run(stopped.folder).results
        with quiet(), undrawn:
            run = api.resume(stopped.folder)
        for name, values in self.whole.losses.items():
            np.testing.assert_array_equal(run.losses[name], values)

    def test_interrupt(self):
        with self.assertRaises(KeyboardInterrupt) as caught:
            self.train(self.send(signal.SIGINT))
        (run,) = runs.find(self.folder, 'cae2d')
        self.assertRegex(
            str(caught.exception),
            r'^stopped after iteration 3 of 6, saved in .*\n'
            rf"to resume: kneerepro\.resume\('{run.folder}'\)$",
        )
        self.assert_handlers_are_restored()
        stopped = api.open_run(run.folder)
        self.assertEqual(len(stopped.losses['train']), 1 + 3)
        self.assertEqual(len(stopped.measures['code_spread']), 1 + 3)
        self.assertEqual(list(stopped.curve('train')[0]), [1, 2, 3])
        for use in (
            lambda: stopped.figures,
            lambda: stopped.report,
            lambda: stopped.reconstruct(np.zeros((16, 16))),
        ):
            self.assertRaisesRegex(UserError, 'is not finished', use)
        self.assert_resumes()

    def test_interrupt_at_once(self):
        with self.assertRaises(KeyboardInterrupt) as caught:
            self.train(self.send(signal.SIGINT, signal.SIGINT))
        self.assertRegex(
            str(caught.exception), r'^stopped: iteration 2 is saved\n'
        )
        self.assert_handlers_are_restored()
        self.assert_resumes()

    def test_termination_is_held_back_until_the_run_is_saved(self):
        received = []

        def handler(signum, frame):
            (run,) = runs.find(self.folder, 'cae2d')
            received.append((signum, run.saved_iteration()))

        previous = signal.signal(signal.SIGTERM, handler)
        self.addCleanup(signal.signal, signal.SIGTERM, previous)
        self.before[1] = handler
        with self.assertRaises(KeyboardInterrupt):
            self.train(self.send(signal.SIGTERM))
        self.assertEqual(received, [(signal.SIGTERM, 3)])
        self.assert_handlers_are_restored()

    def test_error(self):
        def fail():
            raise UserError('no longer finite')

        kept = None
        try:
            self.train(fail)
        except UserError as error:
            kept = error
        # Even as long as the traceback is kept, as a notebook does.
        self.assertIsNotNone(kept.__traceback__)
        self.assert_handlers_are_restored()
        self.assert_resumes()

    def test_run_without_a_checkpoint(self):
        def fail():
            raise UserError('no longer finite')

        with self.assertRaises(UserError):
            self.train(fail, checkpoint_interval=120)
        (run,) = runs.find(self.folder, 'cae2d')
        stopped = api.open_run(run.folder)
        self.assertEqual(
            repr(stopped), f'<stopped run of cae2d: {run.folder}>'
        )
        self.assertEqual((stopped.losses, stopped.measures), ({}, {}))
        with self.assertRaisesRegex(UserError, 'it has none yet'):
            stopped.curve('train')
