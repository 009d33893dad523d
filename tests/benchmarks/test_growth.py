import json
from unittest import mock

from kneerepro import config
from kneerepro.utils.errors import UserError
from tests.benchmarks.common import NEEDS_TORCH, benchmark
from tests.docs.common import row_of
from tests.folders import FolderTest
from tests.scripts import call


@NEEDS_TORCH
class GrowthTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.growth, self.asked = benchmark('growth'), []

    def measure(self, *arguments, fitting=1000):
        def time_interleaved(cases, count):
            self.asked.append((cases, count))
            if max(case.get('depth', 0) for case in cases) > fitting:
                raise UserError('out of memory')
            return [row_of(case, 1.0) for case in cases]

        with mock.patch.object(
            self.growth, 'time_interleaved', time_interleaved
        ):
            call(
                self.growth.main,
                '--device',
                'cpu',
                '--json',
                self.path('growth.json'),
                *arguments,
            )

    def test_sizes(self):
        self.measure('--steps', '3')
        found = json.loads(self.read('growth.json'))
        self.assertEqual(found['device'], 'cpu')
        self.assertEqual(
            [
                (row['engine'], row['network'], row['batch_size'])
                for row in found['series']['batch']
            ],
            [
                (engine, 'cae2d', size)
                for size in (8, 16, 32, 64, 128, 256)
                for engine in ('torch', 'native')
            ],
        )
        self.assertEqual(
            [
                (row['network'], row['batch_size'], row['depth'])
                for row in found['series']['volume'][::2]
            ],
            [('cae3d', 2, depth) for depth in (16, 32, 64, 96, 160)],
        )
        self.assertEqual({count for _, count in self.asked}, {3})

    def test_gans_of_volumes(self):
        self.measure('wgan_gp3d', '--largest', '4')
        found = json.loads(self.read('growth.json'))
        self.assertEqual(set(found['series']), {'wgan_gp3d'})
        self.assertEqual(
            [
                (row['network'], row['engine'], row['batch_size'])
                for row in found['series']['wgan_gp3d']
            ],
            [('wgan_gp3d', 'torch', size) for size in (1, 4)],
        )
        # Their only step is the first one.
        self.assertEqual({count for _, count in self.asked}, {0})
        for row in found['series']['wgan_gp3d']:
            self.assertEqual(row['steps'], [row['first']])

    def test_largest_size_is_that_of_the_preset(self):
        for name in 'dcgan3d', 'wgan_gp3d':
            self.assertEqual(
                self.growth.SERIES[name].sizes[-1],
                config.read_preset('full', name)['batch_size'],
            )

    def test_quick_sizes(self):
        self.measure('--quick', 'volume')
        self.assertEqual(
            [cases[0]['depth'] for cases, _ in self.asked], [16, 32]
        )

    def test_results_before_an_error_are_kept(self):
        with self.assertRaises(UserError):
            self.measure('volume', fitting=32)
        found = json.loads(self.read('growth.json'))['series']['volume']
        self.assertEqual([row['depth'] for row in found], [16, 16, 32, 32])
