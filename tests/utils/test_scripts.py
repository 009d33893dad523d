import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

from kneerepro import commands
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import scripts
from tests.folders import FolderTest
from tests.subprocesses import ROOT


def started(program):
    """As if this process had been started by that program."""
    return mock.patch.object(scripts, '_program', program)


class NamesTest(unittest.TestCase):
    def test_each_script_has_its_command(self):
        found = {
            f'{folder}/{name}'
            for folder in ('experiments', 'data')
            for name in os.listdir(os.path.join(ROOT, folder))
            if name.endswith('.py') and name != 'check_environment.py'
        }
        self.assertEqual(found, set(scripts.SCRIPTS.values()))
        self.assertEqual(
            {
                command.split()[1]
                for command in scripts.SCRIPTS
                if command.startswith('train ')
            },
            set(EXPERIMENTS),
        )
        for command in scripts.SCRIPTS:
            self.assertIn(command.split()[0], commands.COMMANDS)

    def test_messages(self):
        text = (
            'to resume: python experiments/cae2d.py --resume a; '
            'data/inspect.py lists them, and python -m kneerepro runs too'
        )
        for program, expected in [
            (None, text),
            (
                '/usr/bin/kneerepro',
                'to resume: kneerepro train cae2d --resume a; '
                'kneerepro inspect lists them, and kneerepro runs too',
            ),
            (
                '/lib/kneerepro/__main__.py',
                'to resume: python -m kneerepro train cae2d --resume a; '
                'python -m kneerepro inspect lists them, and python -m '
                'kneerepro runs too',
            ),
        ]:
            with started(program):
                self.assertEqual(scripts.as_started(text), expected)

    def test_paths_are_left_alone(self):
        with started('kneerepro'):
            for text in (
                'no folder /home/data/prepare.py',
                './data/prepare.py is no dataset',
                'experiments/cae2d.pyc',
                'experiments/other.py',
            ):
                self.assertEqual(scripts.as_started(text), text)

    def test_usage(self):
        with mock.patch('sys.argv', ['experiments/cae2d.py']):
            self.assertIsNone(scripts.usage('train cae2d'))
        self.assertEqual(scripts.usage('encode'), 'python -m kneerepro encode')
        with started('/usr/bin/kneerepro'):
            self.assertEqual(
                scripts.usage('train cae2d'), 'kneerepro train cae2d'
            )

    def test_typed(self):
        self.assertEqual(
            scripts.typed('thesis'), 'python experiments/thesis.py'
        )
        self.assertEqual(scripts.typed('runs'), 'python -m kneerepro runs')
        with started('/usr/bin/kneerepro'):
            self.assertEqual(scripts.typed('thesis'), 'kneerepro thesis')


class RunTest(FolderTest):
    def words(self, program, argv0):
        """What Python is told to run for a command."""
        with (
            started(program),
            mock.patch('sys.argv', [argv0]),
            mock.patch.object(subprocess, 'Popen') as popen,
        ):
            popen.return_value.wait.return_value = 3
            self.assertEqual(scripts.run_command('train cae2d', '--nz=3'), 3)
        python, *words = popen.call_args.args[0]
        self.assertEqual((python, words.pop()), (sys.executable, '--nz=3'))
        return words

    def test_started_as_this_program_was(self):
        beside = self.write('cae2d.py')
        self.assertEqual(
            self.words(None, self.path('fig3_3_loss_2d.py')), [beside]
        )
        installed = self.write('kneerepro')
        self.assertEqual(
            self.words(installed, installed), [installed, 'train', 'cae2d']
        )
        as_module = ['-m', 'kneerepro', 'train', 'cae2d']
        for program, argv0 in [
            (None, '/nowhere/notebook.py'),
            ('/lib/kneerepro/__main__.py', '/lib/kneerepro/__main__.py'),
            ('/nowhere/kneerepro', '/nowhere/kneerepro'),
        ]:
            self.assertEqual(self.words(program, argv0), as_module)

    def test_status(self):
        path = self.write('script.py', 'import sys; sys.exit(7)')
        self.assertEqual(scripts.run_script(path), 7)
        path = self.write('killed.py', 'import os; os.kill(os.getpid(), 9)')
        before = signal.getsignal(signal.SIGINT)
        self.assertEqual(scripts.run_script(path), 128 + 9)
        self.assertIs(signal.getsignal(signal.SIGINT), before)
