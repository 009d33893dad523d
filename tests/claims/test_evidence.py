import os
from unittest import TestCase, mock

import numpy as np

from kneerepro import runs
from kneerepro.claims.evidence import MAX_IMAGES, Evidence, newest_runs
from kneerepro.measures.bootstrap import TooFewSamplesError
from kneerepro.utils.errors import UserError
from tests.commands.judged_runs import JudgedRunsTest


def fake_run(results=(), **data):
    run = mock.Mock(settings={'data': data}, folder='runs/some')
    run.results.return_value = dict(results)
    return run


class EvidenceTest(TestCase):
    def test_experiment_without_a_run(self):
        with self.assertRaisesRegex(UserError, 'no finished run of cae3d'):
            Evidence({'cae2d': fake_run()}).run('cae3d')

    def test_runs_on_different_data(self):
        evidence = Evidence(
            {
                'cae2d': fake_run(hash='a'),
                'dcgan': fake_run(hash='a'),
                'wgan_gp': fake_run(hash='b'),
            }
        )
        evidence.require_same_data('cae2d', 'dcgan')
        with self.assertRaisesRegex(UserError, 'dcgan and wgan_gp were'):
            evidence.require_same_data('dcgan', 'wgan_gp')

    def test_network_that_learned_nothing(self):
        for spread, collapsed in (0.3, False), (1e-8, True):
            run = fake_run({'code_spread': np.array([np.nan, spread])})
            evidence = Evidence({'cae2d': run})
            if collapsed:
                with self.assertRaisesRegex(UserError, '^runs/some: .*1e-08'):
                    evidence.require_learned('cae2d')
            else:
                evidence.require_learned('cae2d')

    def test_curve(self):
        nan = float('nan')
        run = fake_run(
            {
                'critic_loss': np.array([nan, 3, nan, 5]),
                'iterations_per_epoch': np.array(7),
            }
        )
        evidence = Evidence({'wgan_gp': run})
        np.testing.assert_array_equal(
            evidence.curve('wgan_gp', 'critic'), [3, 5]
        )
        with self.assertRaisesRegex(
            UserError, 'runs/some has no loss of the generator'
        ):
            evidence.curve('wgan_gp', 'generator')
        self.assertEqual(evidence.iterations_per_epoch('wgan_gp'), 7)
        # The file is read only once, and again for another object.
        run.results.assert_called_once_with()
        Evidence({'wgan_gp': run}).iterations_per_epoch('wgan_gp')
        self.assertEqual(run.results.call_count, 2)

    def test_number_of_images(self):
        for train, expected in (7, 3), (10**6, MAX_IMAGES):
            evidence = Evidence({'dcgan': fake_run(train=train)})
            self.assertEqual(evidence.sample_size('dcgan'), expected)

    def test_too_few_test_examples(self):
        evidence = Evidence({'cae3d': fake_run(test=5)})
        with self.assertRaisesRegex(TooFewSamplesError, 'only 5 .*at least 6'):
            evidence.reconstructions('cae3d')


class NewestRunsTest(JudgedRunsTest):
    def test_takes_one_preset(self):
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

    def test_beyond_the_thesis(self):
        run = self.judged_run('dcgan3d', width=0.002)
        self.assertEqual(list(newest_runs(self.out)), ['dcgan3d'])
        self.judged_run('cae2d')
        self.rewrite(run.folder, preset='full')
        # A run of the thesis decides, though it is not the newest.
        os.utime(run.path('config.json'), (2**32, 2**32))
        self.assertEqual(list(newest_runs(self.out)), ['cae2d'])
        self.assertEqual(list(newest_runs(self.out, 'thesis')), ['dcgan3d'])
        self.assertEqual(list(newest_runs(self.out, 'full')), ['dcgan3d'])


class ImagesTest(JudgedRunsTest):
    """The images that the networks of runs make."""

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

    def test_real_images_are_in_one_set_only(self):
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

    def test_volumes(self):
        run = self.judged_run('dcgan3d', width=0.002)
        encoder = self.judged_run('cae3d')
        self.rewrite(run.folder, data={'train': 3, 'hash': self.hash})
        evidence = Evidence(
            {'dcgan3d': runs.Run(run.folder), 'cae3d': encoder}
        )
        real, other = evidence.real_images('dcgan3d')
        self.assertEqual(real.shape, (1, 16, 16, 16))
        self.assertFalse((real == other).all())
        volumes = evidence.training_images('dcgan3d')
        np.testing.assert_array_equal(volumes.reshape(-1, 16, 16), self.truth)
        made = evidence.generated_images('dcgan3d')
        self.assertEqual(made.shape, (1, 16, 16, 16))
        self.assertEqual(evidence.features(made, 'cae3d').shape, (1, 4))

    def test_dataset_that_was_moved(self):
        run = self.judged_run('cae2d', test=10)
        os.rename(self.data, self.path('elsewhere.h5'))
        with self.assertRaisesRegex(UserError, 'no longer there'):
            Evidence({'cae2d': run}).reconstructions('cae2d')
        for experiments, moved in [
            ({'cae2d': run}, [self.path('elsewhere.h5')]),
            ({'cae2d': run}, [self.path('none'), self.path('elsewhere.h5')]),
        ]:
            evidence = Evidence(experiments, datasets=moved)
            truth, _ = evidence.reconstructions('cae2d')
            np.testing.assert_array_equal(truth, self.truth[-10:])
        run.config['arguments']['data'] = self.path('elsewhere.h5')
        Evidence({'cae2d': run}).reconstructions('cae2d')

    def test_requires_runs_that_learned(self):
        run = self.judged_run('cae3d', test=2)
        evidence = Evidence({'cae3d': run})
        evidence.require_learned('cae3d', 'dcgan')
        with self.assertRaisesRegex(UserError, 'no finished run of cae2d'):
            evidence.require_learned('cae2d')
