import ast
import glob
import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

from kneerepro import commands
from kneerepro.data.dataset import Dataset
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import scripts
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest
from tests.subprocesses import ROOT

PACKAGE = os.path.join(ROOT, 'kneerepro')


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


class MessagesTest(FolderTest):
    def test_name_programs_as_this_one_was_started(self):
        """Also one about a file that has the name of a script."""
        path = self.write('data/prepare.py', 'x')
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.assertTrue(os.path.samefile(path, 'data/prepare.py'))
        for program, name in [
            (None, 'python data/prepare.py'),
            ('/usr/bin/kneerepro', 'kneerepro prepare'),
            ('/lib/kneerepro/__main__.py', 'python -m kneerepro prepare'),
        ]:
            with started(program), self.assertRaises(UserError) as caught:
                Dataset('data/prepare.py')
            self.assertEqual(
                str(caught.exception),
                'data/prepare.py is not a dataset of this package: make one '
                f'with {name}',
            )

    def test_none_names_a_script_itself(self):
        """Except in docstrings, which describe a checkout."""
        paths = glob.glob(os.path.join(PACKAGE, '**', '*.py'), recursive=True)
        self.assertGreater(len(paths), 100)
        for path in set(paths) - {scripts.__file__}:
            with open(path, encoding='utf-8') as file:
                tree = ast.parse(file.read())
            docstrings = {
                id(node.body[0].value)
                for node in ast.walk(tree)
                if isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and ast.get_docstring(node)
            }
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and id(node) not in docstrings
                ):
                    for script in scripts.SCRIPTS.values():
                        self.assertNotIn(script, node.value, path)


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
