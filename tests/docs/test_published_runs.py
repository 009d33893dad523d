"""The text that is published from runs. Its figures are tested together with
the readings, in tests/benchmarks/test_readings.py.
"""

import unittest
from unittest import mock

import numpy as np

from kneerepro import claims
from kneerepro.claims.measurement import Measurement, single
from kneerepro.claims.volumes import Quality
from tests.docs.common import documentation

ENVIRONMENT = {
    'revision': 'abc',
    'processor': 'a processor',
    'cores': 2,
    'engine': 'an engine',
    'python': '3.11',
    'numpy': '1.26',
    'Theano': '1.0.5',
    'Lasagne': '0.1',
}


class Run:
    """A finished run without a folder."""

    experiment = 'cae2d'
    folder = 'runs/cae2d/1'
    parameters = {'batch_size': 4}
    settings = {
        'data': {
            'volumes': 3,
            'shape': [16, 32, 32],
            'train': 1500,
            'test': 10,
        },
        'engine': 'torch',
        'device': 'cpu',
    }

    def results(self):
        return {
            'train_loss': np.array([np.nan, 0.5, 0.125, 0.25]),
            'seconds': 60.0,
        }

    def environments(self):
        return [ENVIRONMENT, ENVIRONMENT]

    def path(self, *names):
        return '/no/such/file'


class NumbersTest(unittest.TestCase):
    def numbers(self, caution=None):
        published_runs = documentation('published_runs')
        with (
            mock.patch.dict(published_runs.FIGURES, cae2d={}),
            mock.patch.object(claims, 'caution', return_value=caution),
        ):
            return '\n'.join(published_runs.numbers({'cae2d': Run()}))

    def test_run_and_losses(self):
        text = self.numbers()
        cells = [line[7:] for line in text.splitlines() if line[5:6] == '-']
        self.assertEqual(
            cells[6:12],
            [
                '2D autoencoder',
                '3 of 16 x 32 x 32',
                '1,500 and 10',
                '3',
                '4',
                '60',
            ],
        )
        self.assertEqual(
            cells[-5:], ['2D autoencoder', 'train', '0.5', '0.125', '0.25']
        )

    def test_each_environment_once(self):
        self.assertEqual(self.numbers().count('Revision abc on a proc'), 1)

    def test_caution(self):
        self.assertIn(
            '\nThis is synthetic.\n', self.numbers('this is synthetic')
        )


class MoreKneesTest(unittest.TestCase):
    def test_one_row_for_each_run(self):
        published_runs = documentation('published_runs')
        runs = []
        for seed in 0, 1:
            run = Run()
            run.parameters = {
                'patients': 300,
                'learning_rate': 8e-4,
                'seed': seed,
            }
            results = {
                **run.results(),
                'test_loss': np.array([0.5, np.nan, np.nan, 0.001234 + seed]),
                'mean_mse': 0.01,
                'components_mse': 0.0015,
                'identified': np.array([True, False, True]),
            }
            run.results = lambda results=results: results
            runs.append(run)
        with mock.patch.dict(published_runs.FIGURES, cae2d={}):
            text = '\n'.join(published_runs.more_knees(runs))
        cells = [line[7:] for line in text.splitlines() if line[5:6] == '-']
        self.assertEqual(
            cells[10:20],
            [
                '300',
                '0.0008',
                '0',
                '3',
                '60 s',
                '0.25000',
                '0.00123',
                '0.01000',
                '0.00150',
                '2 of 3',
            ],
        )
        self.assertEqual(cells[22], '1')
        self.assertIn('1.00123', cells[26])


class GANs3DTest(unittest.TestCase):
    def test_figures_and_measures_of_both(self):
        published_runs = documentation('published_runs')
        runs = []
        for name in 'dcgan3d', 'wgan_gp3d':
            run = Run()
            run.experiment = name
            run.settings = {**run.settings, 'preset': 'quick'}
            runs.append(run)

        def quality_of(evidence, experiment):
            names = ['MS-SSIM', 'Fréchet'][: 1 + (experiment == 'wgan_gp3d')]
            return Quality(
                experiment,
                [
                    Measurement(
                        name=name, estimate=single(0.5, 9), samples='volumes'
                    )
                    for name in names
                ],
                [] if len(names) == 2 else ['there is no encoder'],
            )

        with (
            mock.patch.object(published_runs, 'quality_of', quality_of),
            mock.patch.object(
                published_runs.measured_files,
                'save_copy',
                lambda path, name, coloured: f'{name} {coloured}',
            ),
        ):
            text = '\n'.join(published_runs.gans3d(runs))
        for part in (
            '.. figure:: measured/dcgan3d_volumes False\n',
            '.. figure:: measured/wgan_gp3d_losses True\n',
            '   Losses of the 3D WGAN-GP. Losses of critic and generator.\n',
            '3D DCGAN: there is no encoder.\n',
            '   * -\n     - 3D DCGAN\n     - 3D WGAN-GP\n',
            '   * - MS-SSIM\n     - 0.5\n     - 0.5\n',
            '   * - Fréchet\n     -\n     - 0.5\n',
        ):
            self.assertIn(part, text)


class JudgementsTest(unittest.TestCase):
    def test_claims_with_their_measurements(self):
        judgement = claims.Judgement(
            claim=claims.CLAIMS[0],
            verdict='holds',
            why='it is so',
            measurements=[
                Measurement(
                    name='detail',
                    estimate=single(0.9, 10),
                    samples='images',
                    side='above',
                    threshold=0.5,
                    reason='half',
                ),
                Measurement(
                    name='error', estimate=single(0.1, 10), samples='images'
                ),
            ],
        )
        published_runs = documentation('published_runs')
        with mock.patch.object(claims, 'judge_all', return_value=[judgement]):
            text = '\n'.join(published_runs.judgements({'cae2d': Run()}))
        self.assertIn('C1 holds\n--------\n', text)
        self.assertIn('(it is so)', text)
        self.assertIn(
            '   * - detail\n     - 0.9\n     - n = 10 (images)\n'
            '     - above 0.5, half: holds\n',
            text,
        )
        # A number without a threshold has an empty cell.
        self.assertIn(
            '   * - error\n     - 0.1\n     - n = 10 (images)\n     -\n', text
        )
