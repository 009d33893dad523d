"""The four trainings, with the smallest preset, and what they leave."""

import csv
import json
import os
import re
import shutil
import tempfile
import unittest

import numpy as np
from lasagne.layers import get_output
from matplotlib.image import imread

from kneerepro.experiment.figures import FIGURES, file_name
from kneerepro.runs import find, zoo
from tests.experiments.common import run_here
from tests.modes import evaluate
from tests.subprocesses import ROOT

WRITTEN = {
    'checkpoints',
    'config.json',
    'environment.json',
    'figures',
    'losses.csv',
    'model.npz',
    'report.html',
    'results.npz',
    'samples',
}


class SmokeTest:
    """One training for all tests of a class."""

    other_figures = []

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.output = run_here(cls.name, '--preset', 'smoke', '--out', cls.root)
        cls.run_ = find(cls.root, cls.name)[0]
        cls.results = cls.run_.results()

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    def loss(self, name):
        values = self.results[name + '_loss']
        return values[~np.isnan(values)]

    def measure(self):
        values = self.results[self.measured]
        return values[~np.isnan(values)]

    def image(self, number):
        return imread(self.run_.path('figures', file_name(number) + '.png'))

    def test_what_is_there(self):
        self.assertEqual(set(os.listdir(self.run_.folder)), WRITTEN)
        names = [file_name(number) for number in FIGURES[self.name]]
        names += self.other_figures
        self.assertEqual(
            set(os.listdir(self.run_.path('figures'))),
            {f'{name}.{kind}' for name in names for kind in ('png', 'pdf')},
        )
        self.assertIn('wrote ' + self.run_.path('report.html'), self.output)

    def test_last_lines(self):
        time, report, *numbers = self.output.splitlines()[-4:]
        self.assertRegex(
            time,
            r'^time: data \d+ s, compiling \d+ s, training and measuring '
            r'\d+ s, figures and report \d+ s$',
        )
        self.assertEqual(report, 'wrote ' + self.run_.path('report.html'))
        for line, pattern in zip(numbers, self.last_lines):
            self.assertRegex(line, pattern)

    def test_figures(self):
        for number in FIGURES[self.name]:
            self.assertGreater(self.image(number)[..., 0].std(), 0.05)
            with open(
                self.run_.path('figures', file_name(number) + '.pdf'), 'rb'
            ) as file:
                self.assertEqual(file.read(5), b'%PDF-')

    def test_losses(self):
        with open(self.run_.path('losses.csv'), newline='') as file:
            rows = list(csv.DictReader(file))
        for name in rows[0]:
            if name not in ('iteration', 'epoch'):
                written = [float(row[name]) for row in rows if row[name]]
                expected = (
                    self.measure()
                    if name == self.measured
                    else self.loss(name)
                )
                np.testing.assert_array_equal(written, expected)
        parameters = self.run_.parameters
        per_epoch = self.results['iterations_per_epoch']
        self.assertEqual(len(rows), 1 + parameters['epochs'] * per_epoch)

    def test_samples(self):
        samples = sorted(os.listdir(self.run_.path('samples')))
        self.assertGreater(len(samples), 5)
        for name in samples:
            image = imread(self.run_.path('samples', name))[..., 0]
            self.assertEqual([n % 64 for n in image.shape], [0, 0])
            self.assertGreater(image.std(), 0.01)

    def test_configuration(self):
        with open(self.run_.path('config.json')) as file:
            settings = json.load(file)['settings']
        self.assertEqual(settings['experiment'], self.name)
        self.assertEqual(settings['preset'], 'smoke')
        self.assertEqual(settings['parameters']['width'], 0.03)
        self.assertTrue(settings['data']['synthetic'])
        (environment,) = self.run_.environments()
        for name in 'Theano', 'numpy', 'python', 'engine', 'command':
            self.assertTrue(environment[name])

    def test_model(self):
        model = zoo.load(self.run_.path('model.npz'))
        self.assertEqual(model.experiment, self.name)
        self.assertEqual(model.about['parameters'], self.run_.parameters)

    def test_report(self):
        with open(self.run_.path('report.html'), encoding='utf-8') as file:
            page = file.read()
        # The images are left out, so that a failure can be read.
        page = re.sub(r'(data:image/png;base64),[\w+/=]*', r'\1', page)
        self.assertEqual(
            page.count('<img src="data:'),
            len(FIGURES[self.name]) + len(self.other_figures),
        )
        self.assertIn('aria-label="Over the training"', page)
        self.assertEqual(
            'aria-label="Test ' in page, self.measured == 'code_spread'
        )
        self.assertIn('This run differs from the thesis’s', page)
        for number in FIGURES[self.name]:
            self.assertIn(f'Figure {number}', page)
        # It needs nothing from elsewhere.
        self.assertEqual(re.findall(r'(?:src|href)="(?!data:)', page), [])
        self.assertIn(self.run_.settings['data']['hash'], page)

    def test_drawn_again(self):
        numbers = [number for number in FIGURES[self.name] if number > '3']
        before = {}
        for number in numbers:
            for kind in 'png', 'pdf':
                path = self.run_.path('figures', f'{file_name(number)}.{kind}')
                with open(path, 'rb') as file:
                    before[path] = file.read()
                os.remove(path)
        for number in numbers:
            (script,) = [
                name[:-3]
                for name in os.listdir(os.path.join(ROOT, 'experiments'))
                if name.startswith('fig' + number.replace('.', '_') + '_')
            ]
            output = run_here(script, '--out', self.root)
            self.assertNotIn('training', output)
        for path, content in before.items():
            with open(path, 'rb') as file:
                self.assertEqual(file.read(), content, path)


class CAETest(SmokeTest):
    measured, other_figures = 'code_spread', ['codes']
    last_lines = (
        r'^test error: 0\.\d+; that of the mean of the training set: 0\.\d+$',
        r'^identified by their reconstructions: \d+ of \d+ test \w+$',
    )

    def test_measures(self):
        self.assertEqual(
            len(self.measure()), 1 + self.run_.parameters['epochs']
        )
        model = zoo.load(self.run_.path('model.npz'))
        self.assertEqual(
            model.about['measures'], {'code_spread': self.measure()[-1]}
        )
        # The mean of the training set is what it starts from.
        bias = model.options['output_bias']
        data = self.run_.settings['data']
        self.assertTrue(-4 < bias < -1)
        self.assertLess(self.results['components_mse'], self.loss('test')[0])
        count = data['train'] + data['test']
        self.assertEqual(self.results['code_plane'].shape, (count, 2))
        self.assertEqual(self.results['code_tests'].sum(), data['test'])
        self.assertEqual(self.results['identified'].shape, (data['test'],))
        self.assertTrue(np.isfinite(self.results['volume_width']).all())
        self.assertTrue(set(self.results['volume_side']) <= {'LEFT', 'RIGHT'})
        volume = self.results['code_volume']
        self.assertEqual(len(np.unique(volume)), data['volumes'])
        np.testing.assert_array_equal(volume, np.sort(volume))

    def test_baselines(self):
        with open(self.run_.path('report.html'), encoding='utf-8') as file:
            page = file.read()
        self.assertIn('for comparison, mean of the training set', page)
        self.assertRegex(page, r'Identification: \d+ of')

    def test_losses_fall(self):
        for name in 'train', 'test', 'first_ten':
            values = self.loss(name)
            # They start from the mean intensity and have few iterations.
            quarter = len(values) // 4
            self.assertLess(values[-quarter:].mean(), values[:quarter].mean())
        self.assertEqual(
            len(self.loss('test')), 1 + self.run_.parameters['epochs']
        )


class CAE2DTest(CAETest, unittest.TestCase):
    name = 'cae2d'

    def test_reconstructions(self):
        self.assertEqual(self.results['truth'].shape, (6, 64, 64))
        self.assertEqual(self.results['reconstruction'].shape, (6, 64, 64))
        self.assertEqual(list(self.results['slides']), [2, 4, 6, 8, 10, 12])
        self.assertEqual(list(self.results['inset_epochs']), [4, 8, 16])
        model = zoo.load(self.run_.path('model.npz'))
        encoder, decoder = model.networks
        code = get_output(encoder, self.results['truth'][:, None])
        np.testing.assert_allclose(
            evaluate(get_output(decoder, code))[:, 0],
            self.results['reconstruction'],
            rtol=1e-4,
            atol=1e-5,
        )

    def test_resumed_when_finished(self):
        output = run_here(
            'cae2d', '--out', self.root, '--resume', self.run_.folder
        )
        self.assertIn('finished', output)
        self.assertNotIn('compiling', output)


class CAE3DTest(CAETest, unittest.TestCase):
    name = 'cae3d'

    def test_reconstructions(self):
        self.assertEqual(self.results['reconstruction'].shape, (3, 3, 64, 64))
        self.assertEqual(list(self.results['slides']), [2, 8, 16])
        self.assertEqual(
            list(self.results['shown_epochs']), [1, 4, 8, 12, 16, 20]
        )
        self.assertEqual(
            [str(name).split()[0] for name in self.results['patients']],
            ['test', 'training', 'training'],
        )


class GANTest(SmokeTest):
    measured = 'image_spread'
    last_lines = (
        r'^variety of the generated images: [\d.]+ \(real ones: 1\)$',
        r'^losses at the end: \w+ -?[\d.]+, generator -?[\d.]+$',
    )

    def test_measures(self):
        self.assertEqual(len(self.measure()), self.run_.parameters['epochs'])
        self.assertTrue((self.measure() > 0).all())

    def test_generated(self):
        shown = self.results['over_time']
        self.assertEqual(shown.shape[1:], (9, 64, 64))
        self.assertEqual(len(shown), len(self.results['shown_epochs']))
        self.assertEqual(
            self.results['shown_epochs'][-1], self.run_.parameters['epochs']
        )
        for first, second in zip(shown, shown[1:]):
            self.assertGreater(abs(first - second).max(), 0.01)
        for name in self.losses:
            self.assertEqual(
                len(self.loss(name)),
                self.run_.parameters['epochs']
                * self.results['iterations_per_epoch'],
            )


class DCGANTest(GANTest, unittest.TestCase):
    name, losses = 'dcgan', ['discriminator', 'generator']

    def test_discriminator_learns(self):
        values = self.loss('discriminator')
        self.assertLess(values[-5:].mean(), 0.5 * values[:2].mean())


class WGANGPTest(GANTest, unittest.TestCase):
    name, losses = 'wgan_gp', ['critic', 'generator']

    def test_critic_learns(self):
        values = self.loss('critic')
        self.assertLess(values[-5:].mean(), values[:2].mean())

    def test_compared(self):
        self.assertEqual(
            self.results['real'].shape, self.results['generated'].shape
        )
        self.assertEqual(self.results['real'].shape[1:], (64, 64))
