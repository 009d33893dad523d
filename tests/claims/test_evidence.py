"""What runs hold. ``tests/commands/test_claims.py`` tests the images that
their networks make, on runs with a dataset.
"""

from unittest import TestCase, mock

import numpy as np

from kneerepro.claims.evidence import MAX_IMAGES, Evidence
from kneerepro.measures.bootstrap import TooFewSamplesError
from kneerepro.utils.errors import UserError


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
