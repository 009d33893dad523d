import os
from unittest import mock

import numpy as np

from kneerepro import runs
from kneerepro.experiment import report
from tests.commands.judged_runs import JudgedRunsTest


class ReportTest(JudgedRunsTest):
    def collapsed_page(
        self, value, experiment='cae3d', measure='code_spread', **kwargs
    ):
        run = self.judged_run(
            experiment,
            {
                'train_loss': np.ones(3),
                'seconds': 1.0,
                'iterations_per_epoch': 1,
                measure: np.array([np.nan, 0.2, value]),
            },
            **kwargs,
        )
        with mock.patch.object(report, 'FIGURES', {experiment: {}}):
            path = report.write(run, run.results())
        with open(path, encoding='utf-8') as file:
            return file.read()

    def test_banner_for_a_collapsed_autoencoder(self):
        page = self.collapsed_page(1e-5)
        self.assertIn(
            '<p class="notice collapse">The network has learned nothing', page
        )
        self.assertIn('(spread 1e-05, below 0.001)', page)
        self.assertNotIn('notice collapse', self.collapsed_page(0.3))

    def test_banner_for_a_collapsed_generator(self):
        for value, said in (0.02, True), (0.5, False):
            page = self.collapsed_page(
                value, 'dcgan', 'image_spread', shape=(16, 64, 64)
            )
            self.assertEqual(
                'The generator has collapsed: its images vary only 0.02 times '
                'as much as real images' in page,
                said,
            )

    def test_shows_the_baselines(self):
        run = self.judged_run(
            'cae2d',
            {
                'train_loss': np.ones(3),
                'seconds': 1.0,
                'iterations_per_epoch': 1,
                'mean_mse': 0.0123,
                'components_mse': 0.00456,
                'components': 7,
                'identified': np.array([True, True, False]),
            },
        )
        with mock.patch.object(report, 'FIGURES', {'cae2d': {}}):
            path = report.write(run, run.results())
        with open(path, encoding='utf-8') as file:
            page = file.read()
        for text in (
            'mean of the training set',
            '0.0123',
            '0.00456',
            '7 principal components',
            'Identification: 2 of 3',
        ):
            self.assertIn(text, page)

    def test_shows_the_claims_of_its_experiment(self):
        run = self.judged_run(
            'cae2d',
            {
                'train_loss': np.ones(3),
                'seconds': 1.0,
                'iterations_per_epoch': 1,
            },
            test=10,
        )
        self.judged_run('cae3d')
        run = runs.Run(os.path.relpath(run.folder))
        with mock.patch.object(report, 'FIGURES', {'cae2d': {}}):
            path = report.write(run, run.results())
        with open(path, encoding='utf-8') as file:
            page = file.read()
        self.assertIn('C1 does not hold', page)
        self.assertIn('test images', page)
        self.assertIn('does not judge the thesis', page)
        self.assertNotIn('C2', page)
        # Paths of other runs are relative if this run's path is.
        self.assertIn(os.path.relpath(self.path('runs', 'cae3d')), page)
        self.assertNotIn('<code>/', page)
