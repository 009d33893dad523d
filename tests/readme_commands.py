"""Run every command of README.rst and of the documentation, and the program
of README.rst.

This takes three minutes, so it is not among the tests; ``make test-commands``
runs it.
"""

import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from kneerepro.runs import find
from kneerepro.utils.scripts import SCRIPTS
from tests.subprocesses import ROOT
from tests.test_engines import NEEDS_TORCH
from tests.test_readme import blocks, read

PAGES = [
    'README.rst',
    *sorted(
        os.path.relpath(path, ROOT)
        for path in glob.glob(os.path.join(ROOT, 'docs', '*.rst'))
    ),
]

# A preset whose trainings take seconds.
PRESET = """[all]
patients = 8
matrix = 64
slices = 16
depth = 16
width = 0.03
nz = 8
epochs = 2
batch_size = 4

[cae2d]
test = 16

[cae3d]
batch_size = 1
"""

# Takes the place of a program of the reader's own.
PROGRAM = """import kneerepro
import theano
x = theano.tensor.vector()
print(type(theano.function([x], x + 1).maker.linker).__name__)
"""


def commands(page):
    """The lines of the blocks that contain shell commands."""
    for block in blocks(read(page), r'^(?!\.\. ).*::$'):
        for line in block.splitlines():
            if line.strip():
                yield ' '.join(shlex.split(line, comments=True))


def program_of(command):
    """The script that a command runs, by that name or as kneerepro; or ''."""
    words = command.split()
    if 'kneerepro' not in words[0] and '-m kneerepro' not in command:
        return words[1] if len(words) > 1 else ''
    arguments = re.sub(r'.*?kneerepro ', '', command, count=1).split()
    return SCRIPTS.get(' '.join(arguments[:2]), SCRIPTS.get(arguments[0], ''))


@NEEDS_TORCH
class ProgramTest(unittest.TestCase):
    def test_of_readme(self):
        code = '\n'.join(
            blocks(read('README.rst'), r'^\.\. code-block:: python$')
        )
        self.assertIn('torch_mode', code)
        output = subprocess.run(
            [sys.executable, '-c', code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        self.assertEqual(output.returncode, 0, output.stderr)
        self.assertEqual(output.stdout, '(None, 1, 32, 64, 64)\n')


class CommandsTest(unittest.TestCase):
    """Runs the commands in the order of the pages, in a temporary folder.

    A preset makes trainings small, and flags make data small. Nothing else
    changes.
    """

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in os.listdir(ROOT):
            if name in (
                'data',
                'experiments',
                'Makefile',
                'build_venv.sh',
                'theano_build',
                'requirements.txt',
                'setup.py',
                'docs',
                'benchmarks',
            ):
                os.symlink(
                    os.path.join(ROOT, name), os.path.join(cls.folder, name)
                )
        cls.preset = os.path.join(cls.folder, 'tiny.ini')
        with open(cls.preset, 'w') as file:
            file.write(PRESET)
        with open(os.path.join(cls.folder, 'program.py'), 'w') as file:
            file.write(PROGRAM)
        cls.images = os.path.join(cls.folder, 'FOLDER')
        cls.succeed(
            f'python data/make_phantom.py --patients 8 --matrix 64 '
            f'--slices 16 --out {cls.images}'
        )

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()  # which nose leaves out

    @classmethod
    def start(cls, command):
        """Start a command as a shell would."""
        words, environment = shlex.split(command), {}
        while '=' in words[0]:
            name, value = words.pop(0).split('=', 1)
            environment[name] = value
        if words[0] in ('python', '.venv/bin/python'):
            words[0] = sys.executable
        elif words[0] == '.venv/bin/kneerepro':
            words[:1] = [sys.executable, '-m', 'kneerepro']
        return subprocess.Popen(
            words,
            cwd=cls.folder,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                'PYTHONPATH': ROOT,
                'XDG_CONFIG_HOME': cls.folder,
                **environment,
            },
        )

    @classmethod
    def succeed(cls, command):
        """Run a command; returns its output."""
        process = cls.start(command)
        output, _ = process.communicate()
        if process.returncode:
            raise AssertionError(
                f'{command} ended with {process.returncode}:\n{output}'
            )
        return output

    def run_command(self, command):
        """Run a command of a page, made small."""
        program = program_of(command)
        if command.startswith('make '):
            # The commands that it runs are on the pages, too.
            self.succeed(command.replace('make ', 'make -n ', 1))
        elif program == 'data/prepare.py':
            self.succeed(command + ' --depth 16')
        elif '--resume' in command:
            self.stop_one(program)
            self.assertIn('resuming after', self.succeed(command))
        elif program.startswith('experiments/') and not re.match(
            'experiments/fig2_[12]', program
        ):
            command = re.sub(r' --preset \w+', '', command)
            self.succeed(f'{command} --preset {self.preset}')
        elif ' kneerepro report RUN' in command:
            for name, experiment in [
                ('RUN1', 'cae3d'),
                ('RUN2', 'cae2d'),
                ('RUN', 'cae2d'),
            ]:
                command = command.replace(name, self.run_of(experiment))
            self.succeed(command)
        elif ' kneerepro generate RUN' in command:
            self.succeed(command.replace('RUN', self.run_of('dcgan')))
        elif ' RUN ' in command:
            self.succeed(
                command.replace('RUN', self.run_of('cae2d')).replace(
                    'DIR', 'made'
                )
            )
        elif command.endswith(' program.py'):
            self.assertEqual(self.succeed(command), 'TorchLinker\n')
        else:
            self.succeed(command)

    def run_of(self, experiment):
        """The folder of a finished run."""
        return next(
            run.folder
            for run in find(os.path.join(self.folder, 'runs'), experiment)
            if run.finished
        )

    def stop_one(self, program):
        """Start a training, and stop it after some iterations."""
        process = self.start(
            f'.venv/bin/python {program} --preset '
            f'{self.preset} --epochs 12 '
            '--checkpoint-interval 0'
        )
        while process.poll() is None:
            (newest,) = find(os.path.join(self.folder, 'runs'), 'cae2d')[:1]
            if not newest.finished and newest.saved_iteration():
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.communicate()

    def test_all(self):
        done = set()
        for page in PAGES:
            for command in commands(page):
                if command not in done:
                    with self.subTest(page=page, command=command):
                        self.run_command(command)
                    done.add(command)
        self.assertGreater(len(done), 20)
