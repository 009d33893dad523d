"""The wheel in an empty environment: ``make test-dist``.

It is installed as docs/start.rst says. KNEEREPRO_DIST_PYTHON names another
Python than 3.11. KNEEREPRO_DIST_TORCH=no leaves PyTorch out, of which some
package indices have no build for some Pythons; without it, nothing can be
trained on Python 3.12 and 3.13.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import kneerepro
from tests.subprocesses import ROOT

PYTHON = os.environ.get('KNEEREPRO_DIST_PYTHON', 'python3.11')
TORCH = os.environ.get('KNEEREPRO_DIST_TORCH') != 'no'
EXTRAS = '[torch]' if TORCH else ''
TRAIN = 'train', 'cae2d', '--preset', 'smoke'


class InstalledWheelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.wheel,) = glob.glob(os.path.join(ROOT, 'build', 'dist', '*.whl'))
        cls.run_program(PYTHON, '-m', 'venv', 'env')
        version = cls.run_program(PYTHON, '--version').split()[1].split('.')
        cls.trains = TORCH or int(version[1]) < 12  # for Theano's C code
        requirements = os.path.join(ROOT, 'requirements.txt')
        with open(requirements, encoding='utf-8') as file:
            tools = re.findall(r'(?m)^(?:setuptools|wheel)==.*', file.read())
        for words in (
            tools,
            [
                '--no-build-isolation',
                '--constraint',
                requirements,
                f'kneerepro{EXTRAS} @ file://{cls.wheel}',
            ],
        ):
            cls.run_program(
                *('env/bin/python', '-m', 'pip', '--quiet', 'install', *words),
                path=os.path.join(ROOT, 'theano_build'),
            )

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    @classmethod
    def run_program(cls, *words, status=0, path=''):
        """Run a program in the empty folder; return what it prints."""
        done = subprocess.run(
            words,
            cwd=cls.folder,
            env={**os.environ, 'PYTHONPATH': path},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode != status:
            raise AssertionError(
                f'{words} ended with {done.returncode}:\n{done.stdout}'
            )
        return done.stdout

    def kneerepro(self, *arguments, status=0):
        return self.run_program('env/bin/kneerepro', *arguments, status=status)

    def test_version(self):
        self.assertEqual(
            self.kneerepro('--version'),
            f'kneerepro {kneerepro.__version__}\n',
        )

    def test_doctor(self):
        output = self.kneerepro('doctor', status=0 if self.trains else 1)
        engine = 'ok +engine +' + ('PyTorch' if TORCH else 'Theano')
        self.assertRegex(
            output, f'(?m)^{engine if self.trains else "BROKEN +engine"}'
        )
        self.assertEqual(output.count('BROKEN'), 0 if self.trains else 1)

    def test_compares(self):
        self.assertIn(' 0 are unexplained.', self.kneerepro('compare'))

    def test_trains_and_draws(self):
        if not self.trains:
            self.assertRegex(
                self.kneerepro(*TRAIN, status=2),
                r'\Aerror: PyTorch is not installed \(.*\)\n\Z',
            )
            return
        output = self.kneerepro(*TRAIN)
        (report,) = re.findall('wrote (.*report.html)', output)
        self.assertTrue(os.path.exists(os.path.join(self.folder, report)))
        self.assertRegex(output.splitlines()[-1], '^identified by')
        output = self.kneerepro('figure', '3.2', '--preset', 'smoke')
        self.assertEqual(output.count('wrote '), 2)
        self.assertNotIn('training', output)
        # A second training of its own, by the installed program.
        output = self.kneerepro(
            'figure', '3.2', '--preset', 'smoke', '--epochs', '1'
        )
        self.assertIn('starting one with kneerepro train cae2d', output)
        self.assertIn(
            'use kneerepro train cae2d --resume',
            self.kneerepro('figure', '3.2', '--resume', status=2),
        )

    def test_draws_networks(self):
        output = self.kneerepro('figure', '2.3')
        self.assertIn('wrote runs/networks/figure2_3.pdf', output)

    def test_prepares(self):
        self.kneerepro(
            'phantom',
            *('--out', 'knees', '--patients', '2'),
            *('--matrix', '16', '--slices', '20'),
        )
        output = self.kneerepro(
            'prepare', 'knees', '--key-file', 'key', '--depth', '16'
        )
        self.assertIn('knees.h5', output)
        self.assertIn('2 usable series', self.kneerepro('inspect', 'knees'))

    def test_completion(self):
        script = self.kneerepro('completion', 'bash')
        subprocess.run(['bash', '-n'], input=script, text=True, check=True)
