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


def read_json(path):
    with open(path) as file:
        return json.load(file)


@NEEDS_TORCH
class CheckTest(FolderTest):
    """``make test-slow`` runs the parts."""

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
        found = read_json(self.path('found.json'))
        self.assertEqual(found['tests']['results'], tests)
        self.assertEqual(found['table'], known['table'])
        self.assertIn(b'Not run: equality.', self.read('found.rst'))
        # If writing fails, the old file stays as well.
        with self.assertRaises(UnicodeEncodeError):
            check.write(self.path('found.json'), 'x' * 10**5 + '\udc80')
        self.assertEqual(read_json(self.path('found.json')), found)

    def test_refuses_a_file_of_another_program(self):
        path = self.write('other.json', '[1]')
        done = check('--device', 'cpu', '--json', path)
        self.assertEqual(done.returncode, 2)
        self.assertIn('was not written by this script', done.stderr)

    def test_refuses_an_unknown_part(self):
        done = check('tabel')
        self.assertEqual(done.returncode, 2)
        self.assertIn('tabel is not one of equality, tests', done.stderr)
