import os
import shutil
import subprocess
import unittest

from kneerepro import commands
from kneerepro.commands import completion
from kneerepro.registry import EXPERIMENTS
from tests.commands.common import CommandTest


class CompletionTest(CommandTest):
    def complete(self, *words):
        """What bash offers for the last of some words."""
        done = subprocess.run(
            [
                'bash',
                '-c',
                'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
                '_shtab_kneerepro kneerepro "${@: -1}" "${@: -2:1}"\n'
                'printf "%s\\n" "${COMPREPLY[@]}"',
                self.script,
                'kneerepro',
                *words,
            ],
            cwd=self.folder,
            text=True,
            capture_output=True,
            check=True,
        )
        return set(done.stdout.split())

    @unittest.skipUnless(shutil.which('bash'), 'there is no bash')
    def test_bash(self):
        stdout, _ = self.call('completion', 'bash')
        self.script = self.write('completion.bash', stdout)
        self.assertEqual(
            self.complete('c'), {'claims', 'compare', 'completion'}
        )
        self.assertEqual(self.complete('train', ''), set(EXPERIMENTS))
        self.assertIn('3.10', self.complete('figure', '3'))
        self.assertEqual(
            self.complete('train', 'cae3d', '--learn'), {'--learning-rate'}
        )
        self.assertEqual(
            self.complete('train', 'cae3d', '--engine', 't'),
            {'torch', 'theano'},
        )
        os.mkdir(self.path('knees'))
        self.write('knees.h5')
        self.assertLessEqual(
            {'knees', 'knees.h5'},
            self.complete('train', 'cae3d', '--data', 'kn'),
        )
        self.assertEqual(
            self.complete('train', 'cae3d', '--out', 'kn'), {'knees'}
        )

    def test_zsh(self):
        stdout, _ = self.call('completion', 'zsh')
        self.assertTrue(stdout.startswith('#compdef kneerepro\n'))
        for name in commands.COMMANDS:
            self.assertIn(f"\n    {name}:'", stdout)
        zsh = shutil.which('zsh')
        if zsh:
            self.write('_kneerepro', stdout)
            subprocess.run([zsh, '-n', self.path('_kneerepro')], check=True)

    def test_unknown_shell(self):
        _, stderr = self.call('completion', 'command.com', status=2)
        self.assertIn("invalid choice: 'command.com'", stderr)

    def test_all_commands_are_there(self):
        text = completion.whole_parser().format_help()
        for name in commands.COMMANDS:
            self.assertRegex(text, rf'(?m)^ +{name} ')
