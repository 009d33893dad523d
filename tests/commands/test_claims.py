import json
import os
from unittest import mock

import numpy as np

from kneerepro import runs
from kneerepro.claims.evidence import Evidence, newest_runs
from kneerepro.data.dataset import Dataset
from kneerepro.experiment import report
from kneerepro.runs import zoo
from kneerepro.utils.errors import UserError
from tests.commands.common import SHAPE, CommandTest
from tests.modes import AS_WRITTEN


class ClaimsTest(CommandTest):
    def setUp(self):
        super().setUp()
        patch = mock.patch(
            'kneerepro.claims.evidence.Engine',
            return_value=mock.Mock(mode=AS_WRITTEN),
        )
        patch.start()
        self.addCleanup(patch.stop)
        self.out = self.path('runs')
        self.data = self.dataset(name='runs/datasets/knees.h5')
        with Dataset(self.data) as dataset:
            self.hash = dataset.hash
            self.truth = dataset.images[:][:, 0]

    def judged_run(self, experiment, results=None, hash=None, **changes):
        """A finished run on the dataset."""
        folder = self.finished_run(experiment, **changes)
        self.rewrite(
            folder,
            data={
                'synthetic': True,
                'hash': hash or self.hash,
                'volumes': 3,
                'shape': list(SHAPE),
                'train': 38,
                'test': 10,
            },
        )
        run = runs.Run(folder)
        run.save_results(
            {'code_spread': np.array([np.nan, 0.3]), **(results or {})}
        )
        return run

    def dataset(self, name, **options):
        os.makedirs(os.path.dirname(self.path(name)))
        return super().dataset(name=name, **options)

    def claims(self, *arguments):
        stdout, stderr = self.call('claims', '--out', self.out, *arguments)
        self.assertEqual(stderr, '')
        return stdout

    def test_text(self):
        run = self.judged_run('cae2d', test=10)
        text = self.claims()
        self.assertIn(run.folder, text)
        self.assertIn('runs of the preset smoke', text)
        self.assertIn('does not judge the thesis', text)
        self.assertRegex(text, r'(?m)^C1 does not hold: ')
        self.assertIn('n = 10 (test images)', text)
        self.assertRegex(
            text,
            '(?m)^C3 cannot be judged: there is no finished run of cae3d$',
        )

    def test_json(self):
        self.judged_run('cae2d', test=10)
        found = json.loads(self.claims('--format', 'json'))
        self.assertEqual(found['preset'], 'smoke')
        self.assertEqual(
            [claim['number'] for claim in found['claims']],
            [f'C{i}' for i in range(1, 10)],
        )
        first = found['claims'][0]['measurements'][0]
        self.assertTrue(first['low'] <= first['value'] <= first['high'])
        self.assertEqual(first['n'], [10])
        self.assertEqual(first['verdict'], 'does not hold')

    def test_outliers_of_a_run(self):
        curve = np.random.RandomState(0).normal(size=2000)
        curve[[50, 60, 70]] = 30
        self.judged_run(
            'wgan_gp',
            {
                'critic_loss': np.append(np.nan, curve),
                'iterations_per_epoch': 10,
            },
            shape=(16, 64, 64),
        )
        self.assertRegex(self.claims(), r'(?m)^C8 holds: ')

    def test_none(self):
        self.assert_refused('no finished run in', 'claims', '--out', self.out)
        self.new_run('cae2d')
        self.judged_run('cae2d')
        self.assert_refused(
            'no finished run of the preset quick',
            'claims',
            '--out',
            self.out,
            '--preset',
            'quick',
        )

    def test_newest_of_one_preset(self):
        made = [self.judged_run(name) for name in ('cae2d', 'cae2d', 'cae3d')]
        self.rewrite(made[2].folder, preset='quick')
        for age, run in enumerate(reversed(made)):
            os.utime(run.path('config.json'), (10**9 - age,) * 2)
        found = newest_runs(self.out, 'smoke')
        self.assertEqual(
            {name: run.folder for name, run in found.items()},
            {'cae2d': made[1].folder},
        )
        self.assertEqual(list(newest_runs(self.out)), ['cae3d'])

    def test_reconstructed(self):
        run = self.judged_run('cae2d', test=10)
        evidence = Evidence({'cae2d': run})
        truth, made = evidence.reconstructions('cae2d')
        np.testing.assert_array_equal(truth, self.truth[-10:])
        self.assertEqual(made.shape, truth.shape)
        truth, _ = evidence.reconstructions('cae2d', 'train')
        self.assertEqual(len(truth), 10)
        for image in truth:
            self.assertTrue((image == self.truth[:-10]).all((1, 2)).any())
        self.assertEqual(evidence.features(truth).shape, (10, 4))

    def test_real_images_are_different_ones(self):
        run = self.judged_run('cae2d')
        first, second = Evidence({'cae2d': run}).real_images('cae2d')
        self.assertEqual(len(first), 19)
        self.assertEqual(
            len(
                np.unique(
                    np.concatenate([first, second]).reshape(38, -1), axis=0
                )
            ),
            38,
        )

    def test_generated(self):
        folder = self.finished_run('dcgan', shape=(16, 64, 64))
        self.rewrite(folder, data={'train': 7, 'hash': self.hash})
        evidence = Evidence({'dcgan': runs.Run(folder)})
        images = evidence.generated_images('dcgan')
        self.assertEqual(images.shape, (3, 64, 64))
        self.assertTrue(images.min() > 0 and images.max() < 1)
        self.assertTrue(images.std(0).max() > 0)

    def test_data_that_is_not_there(self):
        run = self.judged_run('cae2d', test=10)
        os.rename(self.data, self.path('elsewhere.h5'))
        with self.assertRaisesRegex(UserError, 'no longer there'):
            Evidence({'cae2d': run}).reconstructions('cae2d')
        run.config['arguments']['data'] = self.path('elsewhere.h5')
        Evidence({'cae2d': run}).reconstructions('cae2d')

    def test_other_data(self):
        self.judged_run('cae2d', test=10)
        self.judged_run('cae3d', hash='other')
        self.assertRegex(
            self.claims(),
            '(?m)^C2 cannot be judged: .* trained on different data$',
        )

    def test_networks_that_learned_nothing(self):
        """They are evidence for nothing, whether their run measured it or
        not."""
        for results in (
            {'code_spread': np.array([0.3, np.nan, 1e-8])},
            {'code_spread': np.array([np.nan])},
        ):
            run = self.judged_run('cae2d', results, test=10)
            model = zoo.load(run.path('model.npz'))
            dense = model.networks[0]
            dense.W.set_value(0 * dense.W.get_value())
            zoo.save(
                run.path('model.npz'),
                'cae2d',
                model.options,
                model.networks,
                model.about,
            )
            text = ' '.join(self.claims().split())
            self.assertIn('C1 cannot be judged: ' + run.folder, text)
            self.assertIn('learned nothing of its inputs', text)
            self.assertNotIn('C1 does not hold', text)
            os.remove(run.path('results.npz'))

    def test_identification(self):
        run = self.judged_run('cae3d', test=2)
        evidence = Evidence({'cae3d': run})
        evidence.require_learned('cae3d', 'dcgan')
        with self.assertRaisesRegex(UserError, 'no finished run of cae2d'):
            evidence.require_learned('cae2d')

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

    def test_banner_in_the_report(self):
        page = self.collapsed_page(1e-5)
        self.assertIn(
            '<p class="notice collapse">The network has learned nothing', page
        )
        self.assertIn('(spread 1e-05, below 0.001)', page)
        self.assertNotIn('notice collapse', self.collapsed_page(0.3))

    def test_collapsed_generator_in_the_report(self):
        for value, said in (0.02, True), (0.5, False):
            page = self.collapsed_page(
                value, 'dcgan', 'image_spread', shape=(16, 64, 64)
            )
            self.assertEqual(
                'The generator has collapsed: its images vary only 0.02 times '
                'as much as real images' in page,
                said,
            )

    def test_baselines_in_the_report(self):
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

    def test_in_the_report(self):
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
        # Where the others are is told as where this one is.
        self.assertIn(os.path.relpath(self.path('runs', 'cae3d')), page)
        self.assertNotIn('<code>/', page)
