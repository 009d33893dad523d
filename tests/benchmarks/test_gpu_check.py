"""The check of the engine on a GPU, with the CPU in the place of the GPU.

Covers gpu_check.py, gpu_parts.py and thesis_run.py.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from unittest import mock

from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch
from tests.benchmarks.results import results
from tests.folders import FolderTest
from tests.subprocesses import ROOT, hide, run_python

CHECK = os.path.join(ROOT, 'benchmarks', 'gpu_check.py')


def check(*arguments):
    """Run the script."""
    return subprocess.run(
        [sys.executable, CHECK, *arguments],
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


@NEEDS_TORCH
class CheckTest(FolderTest):
    """Runs each part at its smallest."""

    def test_without_a_gpu(self):
        if torch.cuda.is_available():
            self.skipTest('there is a GPU')
        done = check('table', '--json', self.path('found.json'))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stderr,
            'PyTorch finds no CUDA device here: nothing was checked\n',
        )
        self.assertFalse(os.path.exists(self.path('found.json')))

    def test_without_a_package(self):
        done = run_python(
            hide('lasagne', 'numpy', 'six')
            + f"""
import runpy
sys.argv = ['gpu_check.py']
sys.path.insert(0, {os.path.dirname(CHECK)!r})
runpy.run_path({CHECK!r}, run_name='__main__')
"""
        )
        self.assertEqual(done.returncode, 2)
        self.assertRegex(
            done.stderr,
            r'\Aerror: not installed: lasagne, numpy, six: run .*\n\Z',
        )
        parts = benchmark('gpu_parts')
        for missing in 'tqdm', 'h5py':
            with mock.patch(
                'importlib.util.find_spec',
                lambda name: None if name == missing else name,
            ):
                found = parts.run(
                    parts.Settings(
                        device='cpu',
                        small=False,
                        whole=[],
                        steps=1,
                        seconds=60,
                    )
                )
            self.assertEqual([run['lacks'] for run in found], 4 * [missing])

    def start(self, *parts):
        """Start the script; its files are named after the first part."""
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

    def test_parts_write_results_and_report(self):
        # At the same time: most of the time goes into imports.
        equality, others = self.start('equality'), self.start('table', 'run')
        output, _ = others.communicate()
        self.assertEqual(
            equality.communicate()[0].splitlines()[0], 'equality ...'
        )
        self.assertEqual(equality.returncode, 0)
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
        for run in found['run']['results']:
            self.assertEqual(len(run['epochs']), 3)
            self.assertGreater(
                run['seconds'], run['compiling'] + sum(run['epochs'])
            )
        self.assertEqual(
            [run['network'] for run in found['run']['results']],
            ['cae2d', 'dcgan'],
        )
        self.assertIn(b'x native', self.read('table.rst'))
        # The exit status says whether the printed summary has a failure.
        self.assertEqual(others.returncode, int('FAIL' in output))
        self.assertIn('wrote', output)

    def test_a_part_is_added_to_earlier_ones(self):
        known = {'equality': results()['equality']}
        self.write('tests.json', json.dumps(known))
        self.start('tests').communicate()
        found = self.found('tests')
        self.assertEqual(found['equality'], known['equality'])
        (module,) = found['tests']['results']
        self.assertGreater(module['ran'], 0)
        self.assertEqual(module['failed'], [])

    def test_results_before_a_stop_are_kept(self):
        # This holds for the parts before, and for earlier results of the part
        # that is stopped.
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
        # If writing fails, the old file stays as well.
        with self.assertRaises(UnicodeEncodeError):
            check.write(self.path('found.json'), 'x' * 10**5 + '\udc80')
        self.assertEqual(self.found('found'), found)

    def test_refuses_a_file_of_another_program(self):
        path = self.write('other.json', '[1]')
        done = check('--device', 'cpu', '--json', path)
        self.assertEqual(done.returncode, 2)
        self.assertIn('was not written by this script', done.stderr)

    def test_refuses_an_unknown_part(self):
        done = check('tabel')
        self.assertEqual(done.returncode, 2)
        self.assertIn('tabel is not one of equality, tests', done.stderr)
