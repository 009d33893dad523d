import json

from kneerepro.utils.errors import UserError
from tests.docs.common import PublishTest, row_of, rows


class MeasurementsTest(PublishTest):
    def test_publishes_benchmarks(self):
        self.write(
            'growth.json',
            json.dumps(
                {
                    'revision': 'abc',
                    'machine': 'a processor\na PyTorch',
                    'device': 'cpu',
                    'series': {'batch': rows('batch_size', (8, 16))},
                }
            ),
        )
        case = {'network': 'unet3d', 'batch_size': 2}
        self.write(
            'steps.json',
            json.dumps(
                {
                    'revision': 'abc',
                    'machine': 'a processor',
                    'rows': [
                        row_of({**case, 'engine': 'torch'}, 0.001),
                        row_of({**case, 'engine': 'native'}, 0.002),
                    ],
                }
            ),
        )
        self.publish(
            '--no-runs',
            '--growth',
            self.path('growth.json'),
            '--steps',
            self.path('steps.json'),
        )
        text = self.read('growth.inc').decode()
        self.assertIn('| a PyTorch', text)
        self.assertIn('Memory is that of the process.', text)
        self.assertIn('.. figure:: measured/growth_batch.png', text)
        self.assertNotIn('growth_volume', text)
        self.assertEqual(self.read('growth_batch.png')[1:4], b'PNG')
        text = self.read('others.inc').decode()
        self.assertIn('3D U-Net', text)
        self.assertIn('0.002 s', text)  # the median
        self.assertIn('0.0005 s', text)  # the limit
        self.assertIn('2.00', text)
        self.assertIn('Not measured', self.read('steps.inc').decode())
        # Without new measurements, the published ones stay.
        self.publish('--no-runs')
        self.assertIn('3D U-Net', self.read('others.inc').decode())
        self.assertIn('growth_batch', self.read('growth.inc').decode())

    def test_says_what_is_not_measured_yet(self):
        self.publish('--no-runs')
        for name in 'growth', 'others', 'steps':
            self.assertIn(
                'Not measured yet', self.read(name + '.inc').decode()
            )

    def test_refuses_other_files(self):
        with self.assertRaisesRegex(UserError, 'cannot read'):
            self.publish('--no-runs', '--growth', self.path('missing.json'))
        with self.assertRaisesRegex(UserError, 'not written by a benchmark'):
            self.publish(
                '--no-runs', '--steps', self.write('other.json', '[1]')
            )

    def test_refuses_an_unknown_or_changed_revision(self):
        for revision, message in [
            ({'revision': 'abc-dirty'}, 'changes that are not committed'),
            ({'revision': None}, 'does not record its revision'),
            ({}, 'does not record its revision'),
        ]:
            path = self.write(
                'steps.json',
                json.dumps({**revision, 'machine': 'a processor', 'rows': []}),
            )
            with self.assertRaisesRegex(UserError, message):
                self.publish('--no-runs', '--steps', path)

    def test_refuses_missing_runs(self):
        with self.assertRaisesRegex(
            UserError,
            'no finished run of the preset smoke of cae2d, cae3d, dcgan, '
            'wgan_gp: python experiments/thesis.py --preset smoke',
        ):
            self.publish('--preset', 'smoke', '--out', self.path('runs'))
