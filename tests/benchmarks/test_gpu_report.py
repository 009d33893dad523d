import unittest

from tests.benchmarks.common import benchmark
from tests.benchmarks.results import results


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.report = benchmark('gpu_report')

    def assert_fails(self, found, what):
        self.assertFalse(self.report.passed(found))
        failed = [
            check.what
            for check in self.report.checks(found)
            if check.passed is False
        ]
        self.assertEqual(failed, [what])
        self.assertIn('FAIL', self.report.report(found))

    def test_everything_passes(self):
        found = results()
        self.assertTrue(self.report.passed(found))
        text = self.report.report(found)
        self.assertNotIn('FAIL', text)
        for part in (
            'skipped: tests.b',
            '0.91 x native',
            '1150 s',
            '10 ms',
            'no CUDA',
        ):
            self.assertIn(part, text)

    def test_slower_than_native_fails(self):
        found = results()
        found['table']['results'][0]['steps'] = [0.0111] * 3
        self.assert_fails(found, 'cae2d: time of a step')

    def test_more_memory_than_native_fails(self):
        found = results()
        found['table']['results'][2]['memory'] = 1.11
        self.assert_fails(found, 'unet3d: memory of a step')

    def test_a_run_that_takes_too_long_fails(self):
        found = results()
        found['run']['results'][0]['seconds'] = 180.0
        self.assert_fails(found, 'cae2d: a whole run')
        found = results()
        found['run']['results'][1]['seconds'] = 600.0
        self.assert_fails(found, 'chapter 3: all four runs')

    def test_a_difference_from_the_cpu_fails(self):
        for change in {'agrees': False}, {'parameters': 1e-8}:
            found = results()
            found['equality']['results'][0].update(change)
            self.assert_fails(
                found, 'cae2d in float64, with CUDA graphs, equals the CPU'
            )
        # In float32, rounding errors may change the parameters.
        found = results()
        found['equality']['results'][1]['parameters'] = 1e-3
        self.assertTrue(self.report.passed(found))

    def test_failed_and_crashed_tests_fail(self):
        for change in {'failed': ['test_x']}, {'error': 'crashed\nhere'}:
            found = results()
            found['tests']['results'][0].update(change)
            self.assert_fails(found, "the engine's tests")

    def test_errors_fail_and_missing_packages_stay_open(self):
        for part in 'equality', 'table', 'run':
            found = results()
            network = found[part]['results'][0]['network']
            found[part]['results'] = [
                {
                    'network': network,
                    'dtype': '',
                    'graphs': True,
                    'error': 'ended with status 1',
                }
            ]
            self.assertFalse(self.report.passed(found))
            self.assertIn('ended with status 1', self.report.report(found))
        found = results()
        del found['tests']
        found['run']['results'] = [{'network': 'cae2d', 'lacks': 'tqdm'}]
        self.assertTrue(self.report.passed(found))
        text = self.report.report(found)
        self.assertIn('Not run: tests.', text)
        self.assertIn('tqdm is installed', text)
