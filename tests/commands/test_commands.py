import subprocess
import sys

from kneerepro import commands
from tests.commands.common import CommandTest
from tests.subprocesses import ROOT


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
                self.assertRegex(stdout, f'(?m)^  {name} +{text}$')

    def test_help_of_commands(self):
        for name in commands.COMMANDS:
            stdout, _ = self.call(name, '--help')
            self.assertIn(f'usage: python -m kneerepro {name}', stdout)

    def test_unknown_command_and_flag(self):
        self.assert_refused(
            r'no command encod \(did you mean encode\?\)', 'encod'
        )
        self.assert_refused('the commands are runs, encode', '--version')
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
