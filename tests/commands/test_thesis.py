import os
from unittest import mock

from kneerepro import commands, runs
from kneerepro.commands import thesis
from kneerepro.experiment.arguments import arguments_to_store, parse
from kneerepro.registry import THESIS
from kneerepro.utils.scripts import SCRIPTS
from tests.folders import FolderTest
from tests.subprocesses import ROOT


class ThesisTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.root = self.path('runs')

    def call(self, *arguments, failing=None):
        """Run the command with a stand-in for those that it starts; return
        their names and arguments.
        """
        called = []

        def run_command(command, *flags):
            name = command.replace('train ', '')
            called.append((name, *flags))
            if name == failing:
                return 130
            if name in THESIS and '--resume' not in flags:
                _, args = parse(name, flags)
                stored = arguments_to_store(args, name)
                runs.create(
                    self.root,
                    {
                        'experiment': name,
                        'preset': 'smoke',
                        'parameters': stored['parameters'],
                    },
                    stored,
                )
            return 0

        with (
            mock.patch.object(thesis, 'run_command', run_command),
            mock.patch('builtins.print') as printed,
        ):
            try:
                commands.main(
                    [
                        'thesis',
                        '--out',
                        self.root,
                        '--preset',
                        'smoke',
                        *arguments,
                    ]
                )
            except SystemExit as error:
                called.append(error.code)
        self.printed = [call.args for call in printed.call_args_list]
        return called

    def test_order(self):
        called = self.call()
        self.assertEqual(
            [name for name, *_ in called],
            [
                'figure 2.1',
                'figure 2.2',
                'figure 2.3',
                'figure 2.4',
                'figure 2.5',
                'figure 3.1',
                *THESIS,
            ],
        )
        for name, *flags in called:
            self.assertIn(self.root, flags)
            script = SCRIPTS.get(name) or SCRIPTS[f'train {name}']
            self.assertTrue(os.path.exists(os.path.join(ROOT, script)))
        self.assertEqual(
            self.printed[0],
            (f'\npython experiments/fig2_1_planes.py --out {self.root}',),
        )

    def test_flags(self):
        called = {
            name: flags
            for name, *flags in self.call(
                '--data',
                'knees.h5',
                '--any-series',
                '--engine',
                'theano',
                '--no-tf32',
            )
        }
        self.assertIn('knees.h5', called['figure 2.2'])
        self.assertNotIn('--engine', called['figure 3.1'])
        for name in THESIS:
            self.assertLess(
                {'--any-series', '--engine', 'theano', 'smoke', '--no-tf32'},
                set(called[name]),
            )

    def test_names_the_reports_of_its_own_runs(self):
        self.call('--no-tf32')
        own = [
            runs.find(self.root, name)[0].path('report.html')
            for name in THESIS
        ]
        self.call()  # newer runs, but others
        self.call('--no-tf32')
        self.assertEqual(
            self.printed[-5:],
            [('\nThe reports:',), *(('   ', path) for path in own)],
        )

    def test_goes_on(self):
        self.assertEqual(self.call(failing='cae3d')[-2:][0][0], 'cae3d')
        self.assertEqual(self.call(failing='cae3d')[-1], 130)
        (made,) = runs.find(self.root, 'cae2d')
        called = self.call()
        self.assertIn(
            ('cae2d', '--out', self.root, '--resume', made.folder), called
        )
        self.assertEqual(called[-3][0], 'cae3d')
        self.assertNotIn('--resume', called[-3])
        # Another configuration is another run.
        for flags in ['--engine', 'theano'], ['--no-tf32']:
            called = self.call(*flags)
            self.assertNotIn('--resume', called[-4])
