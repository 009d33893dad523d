import contextlib
import io
import re
import subprocess
import sys
from unittest import mock

import kneerepro
from kneerepro import commands
from kneerepro.__main__ import main
from kneerepro.utils import scripts
from tests.commands.common import CommandTest
from tests.subprocesses import ROOT, run_python


class MainTest(CommandTest):
    def run_module(self, *argv):
        return subprocess.run(
            [sys.executable, '-m', 'kneerepro', *argv],
            cwd=ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )

    def test_help_lists_the_commands(self):
        for argv in [], ['--help'], ['-h']:
            stdout, _ = self.call(*argv)
            for name, text in commands.COMMANDS.items():
                self.assertRegex(stdout, rf'(?m)^  {name} +{re.escape(text)}$')

    def test_help_of_commands(self):
        for name in commands.COMMANDS:
            stdout, _ = self.call(name, '--help')
            self.assertIn(f'usage: python -m kneerepro {name}', stdout)

    def test_help_shows_defaults_that_say_something(self):
        for command in 'inspect', 'prepare':
            text, _ = self.call(command, '--help')
            self.assertIn('(default: 160)', text)
            self.assertNotIn('default: None', text)
            self.assertNotIn('default: False', text)

    def test_flags_of_trainings_are_checked_before_slow_imports(self):
        done = run_python(
            'import sys\n'
            'from kneerepro import commands\n'
            'try:\n'
            "    commands.main(['train', 'cae3d', '--epocs', '3'])\n"
            'finally:\n'
            "    print(sorted({'theano', 'torch'} & set(sys.modules)))"
        )
        self.assertIn('did you mean --epochs?', done.stderr)
        self.assertEqual((done.returncode, done.stdout), (2, '[]\n'))

    def test_help_of_choices(self):
        for name in 'train', 'figure':
            choices = commands.module_of(name).CHOICES
            for argv in [name], [name, '-h']:
                stdout, _ = self.call(*argv)
                for choice, text in choices.items():
                    self.assertRegex(
                        stdout,
                        rf'(?m)^  {re.escape(choice)} +{re.escape(text)}$',
                    )
        stdout, _ = self.call('train', 'cae3d', '--help')
        self.assertIn('usage: python -m kneerepro train cae3d', stdout)
        self.assertIn('--learning-rate', stdout)
        self.assert_refused(
            r'no network cae4d \(did you mean cae3d\?\): the networks are',
            'train',
            'cae4d',
        )
        self.assert_refused('no figure 3.11', 'figure', '3.11')

    def test_version(self):
        self.assertEqual(
            self.call('--version'),
            (f'kneerepro {kneerepro.__version__}\n', ''),
        )

    def test_without_the_packages(self):
        done = subprocess.run(
            [sys.executable, '-S', '-m', 'kneerepro', 'runs'],
            cwd=ROOT,
            text=True,
            capture_output=True,
        )
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertRegex(
            done.stderr, r'\Aerror: this Python has no package \w+: .*\n\Z'
        )

    def test_interrupted_while_it_imports(self):
        with (
            mock.patch.object(scripts, '_program', None),
            mock.patch('builtins.__import__', side_effect=KeyboardInterrupt),
            contextlib.redirect_stderr(io.StringIO()) as output,
            self.assertRaises(SystemExit) as exited,
        ):
            main()
        self.assertEqual(
            (exited.exception.code, output.getvalue()), (130, 'interrupted\n')
        )

    def test_started_as_kneerepro(self):
        """As the console script starts it."""
        program = mock.patch.object(scripts, '_program', None)
        with (
            program,
            mock.patch('sys.argv', ['/usr/bin/kneerepro', 'encode', '--help']),
            contextlib.redirect_stdout(io.StringIO()) as stdout,
            self.assertRaises(SystemExit),
        ):
            main()
        self.assertIn('usage: kneerepro encode', stdout.getvalue())
        self.assertIn('(kneerepro prepare does it', stdout.getvalue())
        with (
            program,
            mock.patch('sys.argv', ['/usr/bin/kneerepro', 'encode', 'no']),
            contextlib.redirect_stderr(io.StringIO()) as stderr,
            self.assertRaises(SystemExit),
        ):
            main()
        self.assertTrue(stderr.getvalue().startswith('error: '))

    def test_unknown_command_and_flag(self):
        self.assert_refused(
            r'no command encod \(did you mean encode\?\)', 'encod'
        )
        self.assert_refused('the commands are train, figure', '--verbose')
        _, stderr = self.call('runs', '--uot', 'x', status=2)
        self.assertIn('did you mean --out?', stderr)

    def test_runs_as_a_module(self):
        process = self.run_module('runs', '--out', self.folder)
        self.assertEqual(
            (process.returncode, process.stdout, process.stderr),
            (0, f'no runs in {self.folder}\n', ''),
        )
        process = self.run_module('generat')
        self.assertEqual(process.returncode, 2)
        self.assertRegex(
            process.stderr,
            r'\Aerror: no command generat \(did '
            r'you mean generate\?\).*\n\Z',
        )
