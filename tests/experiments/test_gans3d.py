"""The trainings that go beyond the thesis, on volumes as small as can be."""

import contextlib
import os
import shutil
import tempfile
import unittest
from unittest import mock

import numpy as np
from matplotlib.image import imread

from kneerepro import commands
from kneerepro.data.dataset import new_dataset
from kneerepro.experiment.figures import FIGURES, file_name
from kneerepro.experiment.session import Experiment
from kneerepro.runs import Run, archive, find, zoo
from tests.experiments.common import run_here, undrawn, unoptimised
from tests.experiments.test_trainings import WRITTEN
from tests.test_engines import NEEDS_TORCH

SHAPE = 16, 16, 32
TINY = [
    *('--preset', 'smoke', '--depth', '16', '--size', '16', '--nz', '4'),
    *('--width', '0.008', '--epochs', '6'),
]


class GAN3DTest:
    """One training for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        patches = contextlib.ExitStack()
        patches.enter_context(unoptimised())
        cls.addClassCleanup(patches.close)
        cls.data = os.path.join(cls.folder, 'knees.h5')
        with new_dataset(cls.data, SHAPE) as writer:
            for i in range(5):
                writer.append(np.random.RandomState(i).rand(*SHAPE), str(i))
        cls.root = os.path.join(cls.folder, 'whole')
        cls.output = run_here(
            cls.name, *TINY, '--data', cls.data, '--out', cls.root
        )
        (cls.run_,) = find(cls.root, cls.name)
        cls.results = cls.run_.results()

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    def test_what_is_there(self):
        self.assertEqual(set(os.listdir(self.run_.folder)), WRITTEN)
        self.assertEqual(
            set(os.listdir(self.run_.path('figures'))),
            {
                f'{number}.{kind}'
                for number in FIGURES[self.name]
                for kind in ('png', 'pdf')
            },
        )
        for number in FIGURES[self.name]:
            image = imread(self.run_.path('figures', f'{number}.png'))
            self.assertGreater(image[..., 0].std(), 0.05)
        self.assertEqual(
            zoo.load(self.run_.path('model.npz')).options['columns'], 32
        )

    def test_last_lines(self):
        variety, losses = self.output.splitlines()[-2:]
        self.assertRegex(
            variety,
            r'^variety of the generated volumes: [\d.e-]+ \(real ones: 1\)$',
        )
        self.assertRegex(losses, rf'at the end: {self.adversary} .*generator')

    def test_results(self):
        shapes = {'sagittal': (16, 32), 'coronal': (16, 16), 'axial': (32, 16)}
        for plane, shape in shapes.items():
            over_time = self.results[f'over_time_{plane}']
            self.assertEqual(
                over_time.shape,
                (len(self.results['shown_epochs']), 9, *shape),
            )
            np.testing.assert_array_equal(
                over_time[-1], self.results[f'generated_{plane}']
            )
            self.assertGreater(np.ptp(over_time[:, 0], axis=0).max(), 1e-3)
            # There are only five volumes.
            self.assertEqual(self.results[f'real_{plane}'].shape, (5, *shape))
        self.assertEqual(
            [
                self.results[f'browsed_{kind}'].shape
                for kind in ('generated', 'real')
            ],
            [(3, *SHAPE), (2, *SHAPE)],
        )
        for name in self.adversary, 'generator':
            losses = self.results[f'{name}_loss']
            self.assertTrue(np.isfinite(losses[1:]).all())
        self.assertTrue(np.isnan(self.results['image_spread'][1]))
        self.assertGreater(self.results['image_spread'][2], 0)

    def test_samples(self):
        names = sorted(os.listdir(self.run_.path('samples')))
        self.assertEqual(len(names), 6)
        image = imread(self.run_.path('samples', names[-1]))[..., 0]
        self.assertEqual(image.shape, (3 * 16, 3 * 32))
        np.testing.assert_allclose(
            image[:16, 32:64],
            self.results['generated_sagittal'][1],
            atol=2 / 255,
        )

    def test_report(self):
        with open(self.run_.path('report.html'), encoding='utf-8') as file:
            page = file.read()
        for text in (
            'This network goes beyond',
            '(section 4.2). Run\n<code>',
            '<dt>Beyond the thesis</dt><dd>Losses of the 3D ',
            'aria-label="Generated volumes"',
            'Three planes through the middle of nine generated volumes',
            'Generated volumes beside real ones',
            # Neither the autoencoder nor the volumes that it takes are there.
            'Not everything could be measured: there is no finished run of '
            'cae3d.',
            'Differences from the preset full',
        ):
            self.assertIn(text, page)
        for text in 'Claims of the thesis', '<dt>in the thesis', 'Figure 3':
            self.assertNotIn(text, page)

    def test_drawn_again(self):
        # The others take seconds to draw.
        number = f'{self.name}_losses'
        path = self.run_.path('figures', f'{file_name(number)}.png')
        with open(path, 'rb') as file:
            before = file.read()
        os.remove(path)
        with mock.patch('builtins.print'):
            commands.main(['figure', number, '--out', self.root])
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), before)

    def test_resumed_to_the_bit(self):
        root = os.path.join(self.folder, 'stopped')
        save_sample, saved = Experiment.save_sample, []

        def stop_after_some(*arguments):
            save_sample(*arguments)
            saved.append(arguments)
            if len(saved) == 3:
                raise KeyboardInterrupt

        undrawn.start()
        self.addCleanup(undrawn.stop)
        with mock.patch.object(Experiment, 'save_sample', stop_after_some):
            run_here(
                *(self.name, *TINY, '--data', self.data, '--out', root),
                *('--checkpoint-interval', '0'),
                status=130,
            )
        (run,) = find(root, self.name)
        self.assertFalse(run.finished)
        self.assertGreater(run.saved_iteration(), 3)
        self.assertIn(
            'resuming after iteration',
            run_here(self.name, '--out', root, '--resume'),
        )
        self.assert_same(Run(run.folder))

    def assert_same(self, run):
        last, expected = (
            archive.load(either.checkpoints.last_path(), 'checkpoint')[0]
            for either in (run, self.run_)
        )
        self.assertEqual(set(last), set(expected))
        for name, array in expected.items():
            np.testing.assert_array_equal(last[name], array, name)
        results = run.results()
        for name, array in self.results.items():
            if name != 'seconds':
                np.testing.assert_array_equal(results[name], array, name)


@NEEDS_TORCH
class DCGAN3DTest(GAN3DTest, unittest.TestCase):
    name, adversary = 'dcgan3d', 'discriminator'


@NEEDS_TORCH
class WGANGP3DTest(GAN3DTest, unittest.TestCase):
    name, adversary = 'wgan_gp3d', 'critic'
