"""The check of the engine on a GPU, tried on the CPU; and its report."""

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
import time
import unittest
from unittest import mock

import numpy as np

from kneerepro.utils.errors import UserError
from tests.benchmarks.test_benchmarks import benchmark, torch
from tests.compat.test_install import HIDE
from tests.folders import FolderTest
from tests.subprocesses import ROOT, run_python

CHECK = os.path.join(ROOT, 'benchmarks', 'gpu_check.py')


def check(*arguments):
    return subprocess.run(
        [sys.executable, CHECK, *arguments],
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


def results():
    """What the parts would find if all were well."""
    alike = {
        'agrees': True,
        'steps': 1e-15,
        'jumps': 0,
        'losses': 1e-15,
        'outputs': 1e-15,
        'parameters': 1e-12,
    }
    rows = [
        {
            'network': network,
            'engine': engine,
            'batch_size': 4,
            'compiling': 1.0,
            'first': 1.0,
            'steps': [seconds] * 3,
            'memory': memory,
        }
        for network in ('cae2d', 'unet3d')
        for engine, seconds, memory in (
            ('torch', 0.01, 1.05),
            ('native', 0.011, 1.0),
        )
    ]
    runs = [
        {
            'network': network,
            'compiling': 5.0,
            'epochs': [2.0, 1.0],
            'iterations': 21700,
            'whole': False,
            'seconds': seconds,
        }
        for network, seconds in (
            ('cae2d', 150.0),
            ('cae3d', 500.0),
            ('dcgan', 200.0),
            ('wgan_gp', 300.0),
        )
    ]
    found = {
        'equality': [
            {'network': 'cae2d', 'dtype': dtype, 'graphs': True, **alike}
            for dtype in ('float64', 'float32')
        ],
        'tests': [
            {
                'name': 'tests.a',
                'ran': 5,
                'failed': [],
                'skipped': {'no CUDA': 2},
            },
            {'name': 'tests.b', 'lacks': 'hypothesis'},
        ],
        'table': rows,
        'run': runs,
    }
    about = {
        'machine': 'a GPU',
        'host': 'a CPU',
        'revision': None,
        'time': 'now',
        'seconds': 1.0,
    }
    return {name: {**about, 'results': one} for name, one in found.items()}


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.report = benchmark('gpu_report')

    def assert_fails(self, found, what):
        self.assertFalse(self.report.passed(found))
        failed = [
            one.what
            for one in self.report.checks(found)
            if one.passed is False
        ]
        self.assertEqual(failed, [what])
        self.assertIn('FAIL', self.report.report(found))

    def test_all_well(self):
        found = results()
        self.assertTrue(self.report.passed(found))
        text = self.report.report(found)
        self.assertNotIn('FAIL', text)
        for part in (
            'left out: tests.b',
            '0.91 x native',
            '1150 s',
            '10 ms',
            'no CUDA',
        ):
            self.assertIn(part, text)

    def test_slower(self):
        found = results()
        found['table']['results'][0]['steps'] = [0.0111] * 3
        self.assert_fails(found, 'cae2d: time of a step')

    def test_more_memory(self):
        found = results()
        found['table']['results'][2]['memory'] = 1.11
        self.assert_fails(found, 'unet3d: memory of a step')

    def test_too_long(self):
        found = results()
        found['run']['results'][0]['seconds'] = 180.0
        self.assert_fails(found, 'cae2d: a whole run')
        found = results()
        found['run']['results'][1]['seconds'] = 600.0
        self.assert_fails(found, 'chapter 3: all four runs')

    def test_differs(self):
        for change in {'agrees': False}, {'parameters': 1e-8}:
            found = results()
            found['equality']['results'][0].update(change)
            self.assert_fails(
                found, 'cae2d in float64, with CUDA graphs, as on the CPU'
            )
        # Rounding may part parameters in float32.
        found = results()
        found['equality']['results'][1]['parameters'] = 1e-3
        self.assertTrue(self.report.passed(found))

    def test_tests(self):
        for change in {'failed': ['test_x']}, {'error': 'crashed\nhere'}:
            found = results()
            found['tests']['results'][0].update(change)
            self.assert_fails(found, "the engine's tests")

    def test_errors_and_what_is_missing(self):
        for part in 'equality', 'table', 'run':
            found = results()
            one = found[part]['results'][0]
            found[part]['results'] = [
                {
                    'network': one['network'],
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


@unittest.skipIf(torch is None, 'PyTorch is not installed')
class CheckTest(FolderTest):
    """The parts, as small as they can be, with the CPU for the GPU."""

    def test_without_a_gpu(self):
        if torch.cuda.is_available():
            self.skipTest('there is one')
        done = check('table', '--json', self.path('found.json'))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr,
            'PyTorch finds no CUDA device here: nothing was checked\n',
        )
        self.assertFalse(os.path.exists(self.path('found.json')))

    def test_without_a_package(self):
        done = run_python(
            HIDE.format(hidden=['lasagne', 'six'])
            + f"""
import runpy
sys.argv = ['gpu_check.py']
sys.path.insert(0, {os.path.dirname(CHECK)!r})
runpy.run_path({CHECK!r}, run_name='__main__')
"""
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, 'not installed: lasagne, six\n')
        parts = benchmark('gpu_parts')
        with mock.patch('importlib.util.find_spec', return_value=None):
            found = parts.run(parts.Settings('cpu', False, [], 1, 60))
        self.assertEqual([one['lacks'] for one in found], 4 * ['tqdm'])

    def start(self, *parts):
        """In a process of its own, with files that are called after the
        first part."""
        return subprocess.Popen(
            [
                sys.executable,
                CHECK,
                *parts,
                '--device',
                'cpu',
                '--small',
                '--steps',
                '1',
                '--json',
                self.path(parts[0] + '.json'),
                '--report',
                self.path(parts[0] + '.rst'),
            ],
            text=True,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def found(self, name):
        return json.loads(self.read(name + '.json'))

    def test_parts(self):
        # Side by side, as they compute little and load much.
        one, other = self.start('equality'), self.start('table', 'run')
        said, _ = other.communicate()
        self.assertEqual(one.communicate()[0].splitlines()[0], 'equality ...')
        self.assertEqual(one.returncode, 0)
        (equal,) = self.found('equality')['equality']['results']
        self.assertTrue(equal['agrees'], equal)
        self.assertEqual(equal['losses'], 0)

        found = self.found('table')
        self.assertEqual(
            [
                (row['network'], row['engine'], len(row['steps']))
                for row in found['table']['results']
            ],
            [('cae2d', engine, 1) for engine in ('torch', 'native')],
        )
        for one in found['run']['results']:
            self.assertEqual(len(one['epochs']), 3)
            self.assertGreater(
                one['seconds'], one['compiling'] + sum(one['epochs'])
            )
        self.assertEqual(
            [one['network'] for one in found['run']['results']],
            ['cae2d', 'dcgan'],
        )
        self.assertIn(b'x native', self.read('table.rst'))
        # What is in the report is what is said, and the status.
        self.assertEqual(other.returncode, int('FAIL' in said))
        self.assertIn('wrote', said)

    def test_a_part_after_another(self):
        known = {'equality': results()['equality']}
        self.write('tests.json', json.dumps(known))
        self.start('tests').communicate()
        found = self.found('tests')
        self.assertEqual(found['equality'], known['equality'])
        (module,) = found['tests']['results']
        self.assertGreater(module['ran'], 0)
        self.assertEqual(module['failed'], [])

    def test_a_part_that_is_stopped(self):
        # Parts before it are written down, and so is what it found before.
        known = {'table': results()['table']}
        self.write('found.json', json.dumps(known))
        check, parts = benchmark('gpu_check'), benchmark('gpu_parts')
        tests = [{'name': 'a', 'ran': 1, 'failed': [], 'skipped': {}}]
        with (
            mock.patch.multiple(
                parts,
                tests=lambda settings: tests,
                table=mock.Mock(side_effect=KeyboardInterrupt),
            ),
            mock.patch(
                'sys.argv',
                [
                    'gpu_check.py',
                    'tests',
                    'table',
                    '--device',
                    'cpu',
                    '--json',
                    self.path('found.json'),
                    '--report',
                    self.path('found.rst'),
                ],
            ),
            contextlib.redirect_stdout(io.StringIO()),
            self.assertRaises(KeyboardInterrupt),
        ):
            check.main()
        found = self.found('found')
        self.assertEqual(found['tests']['results'], tests)
        self.assertEqual(found['table'], known['table'])
        self.assertIn(b'Not run: equality.', self.read('found.rst'))
        # So is what was there if it is stopped while it writes.
        with self.assertRaises(UnicodeEncodeError):
            check.write(self.path('found.json'), 'x' * 10**5 + '\udc80')
        self.assertEqual(self.found('found'), found)

    def test_another_file(self):
        path = self.write('other.json', '[1]')
        done = check('--device', 'cpu', '--json', path)
        self.assertEqual(done.returncode, 2)
        self.assertIn('is no file of this script', done.stderr)

    def test_unknown_part(self):
        done = check('tabel')
        self.assertEqual(done.returncode, 2)
        self.assertIn('tabel is not one of equality, tests', done.stderr)


class ChildTest(FolderTest):
    def run_code(self, code, seconds=60):
        return benchmark('children').run_child(
            [self.write('child.py', code)], seconds
        )

    def test_found(self):
        code = 'import sys\nopen(sys.argv[1], "w").write("[1, 2]")'
        self.assertEqual(self.run_code(code), [1, 2])

    def test_failed(self):
        found = self.run_code('print("why")\nraise SystemExit(3)')
        self.assertEqual(found, {'error': 'ended with status 3:\nwhy'})

    def test_too_long(self):
        found = self.run_code('import time\ntime.sleep(60)', 1)
        self.assertEqual(found, {'error': 'not done when its time was over'})


@unittest.skipIf(torch is None, 'PyTorch is not installed')
class StepsTest(unittest.TestCase):
    def test_others_on_the_engine(self):
        steps, others = benchmark('steps'), benchmark('others')
        for name, x_shape, y_shape in (
            ('resnet', (2, 3, 32, 32), (2,)),
            ('unet3d', (1, 1, 8, 64, 64), (1, 8, 64, 64)),
        ):
            train = mock.Mock(return_value=np.float32(0.5))
            with mock.patch.object(
                others, 'compile_' + name, return_value=train
            ):
                step = steps.compile_step(
                    name, 'torch', 'cpu', x_shape[0], depth=8
                )
            self.assertEqual(step(), [0.5])
            (x, y), _ = train.call_args
            self.assertEqual((x.shape, y.shape), (x_shape, y_shape))
            self.assertEqual((x.dtype, y.dtype), ('float32', 'int32'))
            self.assertLess(y.max(), others.CLASSES[name])


class ModulesTest(unittest.TestCase):
    def test_what_is_lacking_is_named(self):
        engine_tests = benchmark('engine_tests')
        self.assertIn('tests.engine.test_residency', engine_tests.modules())
        self.assertIn('tests.engine.kernels.test_conv', engine_tests.modules())
        found = engine_tests._test_module('no_such_package.tests')
        self.assertEqual(found, {'lacks': 'no_such_package'})


@unittest.skipIf(torch is None, 'PyTorch is not installed')
class TurnsTest(unittest.TestCase):
    def test_rows(self):
        turns = benchmark('turns')
        case = {
            'network': 'unet3d',
            'device': 'cpu',
            'batch_size': 1,
            'depth': 8,
            'engine': 'native',
        }
        (row,) = turns.take_turns([case], 2)
        self.assertEqual({name: row[name] for name in case}, case)
        self.assertEqual(len(row['steps']), 2)
        self.assertGreater(min(row['steps']), 0)
        self.assertTrue(0.05 < row['memory'] < 10)
        self.assertTrue(np.isfinite(row['compiling'] + row['first']))

    def test_pauses_on_the_cpu_alone(self):
        turns, steps = benchmark('turns'), benchmark('steps')
        for on_cuda in False, True:
            with (
                mock.patch.object(
                    steps, 'compile_step', return_value=lambda: [0.5]
                ),
                mock.patch.object(turns, '_on_cuda', return_value=on_cuda),
                mock.patch.multiple(
                    torch.cuda,
                    synchronize=mock.DEFAULT,
                    max_memory_allocated=lambda: 2**30,
                ),
                mock.patch('time.sleep') as sleep,
                mock.patch('sys.stdin', ['compile\n', 'step\n', 'step\n']),
                contextlib.redirect_stdout(io.StringIO()) as said,
            ):
                turns._work({'engine': 'native'})
            self.assertEqual(sleep.call_count, 0 if on_cuda else 2)
            answers = [
                json.loads(line) for line in said.getvalue().splitlines()
            ]
            self.assertEqual(
                [one['losses'] for one in answers], [None, [0.5], [0.5]]
            )

    def test_time_is_over(self):
        turns = benchmark('turns')
        with mock.patch.object(turns, 'Worker') as worker:
            for end, made in (
                (time.monotonic() - 1, 2),
                (time.monotonic() + 600, 6),
            ):
                worker().step.reset_mock()
                turns.take_turns([{}], 5, end)
                self.assertEqual(worker().step.call_count, made)

    def test_a_process_that_stops(self):
        turns = benchmark('turns')
        silent = functools.partial(subprocess.Popen, stderr=subprocess.DEVNULL)
        with (
            mock.patch('subprocess.Popen', silent),
            self.assertRaisesRegex(
                UserError, 'cae3d on native stopped with status 1'
            ),
        ):
            turns.take_turns(
                [
                    {
                        'network': 'cae3d',
                        'device': 'cpu',
                        'engine': 'native',
                        'batch_size': 1,
                        'depth': 'deep',
                    }
                ],
                1,
            )
