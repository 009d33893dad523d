import json
import os

import numpy as np

from kneerepro.runs import zoo
from tests.commands.judged_runs import JudgedRunsTest


class ClaimsTest(JudgedRunsTest):
    def claims(self, *arguments):
        stdout, stderr = self.call('claims', '--out', self.out, *arguments)
        self.assertEqual(stderr, '')
        return stdout

    def test_prints_text(self):
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

    def test_dataset_that_was_moved(self):
        self.judged_run('cae2d', test=10)
        moved = self.path('elsewhere.h5')
        os.rename(self.data, moved)
        self.assertRegex(
            self.claims(), r'(?m)^C1 cannot be judged: .* no longer there'
        )
        self.assertRegex(
            self.claims('--data', moved), r'(?m)^C1 does not hold: '
        )

    def test_prints_json(self):
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

    def test_judges_a_loss_curve(self):
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

    def test_measures_what_goes_beyond_the_thesis(self):
        run = self.judged_run('dcgan3d', width=0.002)
        # The dataset has three volumes.
        self.rewrite(run.folder, data={**run.settings['data'], 'train': 3})
        text = self.claims()
        self.assertIn('\nBeyond the thesis: the 3D DCGAN\n', text)
        self.assertNotIn('does not judge', text)
        self.judged_run('cae2d', test=10)
        found = json.loads(self.claims('--format', 'json'))
        self.assertEqual(set(found['runs']), {'cae2d', 'dcgan3d'})
        (beyond,) = found['beyond']
        self.assertEqual(beyond['experiment'], 'dcgan3d')
        self.assertRegex(beyond['missing'][0], 'no finished run of cae3d')
        self.assertRegex(beyond['missing'][1], 'only 0 samples')
        self.assertEqual(beyond['measurements'], [])

    def test_refuses_missing_runs(self):
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

    def test_runs_on_different_data_cannot_be_judged(self):
        self.judged_run('cae2d', test=10)
        self.judged_run('cae3d', hash='other')
        self.assertRegex(
            self.claims(),
            '(?m)^C2 cannot be judged: .* trained on different data$',
        )

    def test_networks_that_learned_nothing_cannot_be_judged(self):
        # Such a run is no evidence, whether it has measured that or not.
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
