import ast
import os

from kneerepro.commands import figure
from kneerepro.experiment.captions import BEYOND, PRINTED, SHOWN, title_of
from kneerepro.experiment.figures import FIGURES
from kneerepro.utils.scripts import SCRIPTS
from tests.commands.common import CommandTest
from tests.subprocesses import ROOT


class FigureTest(CommandTest):
    def test_scripts_say_what_they_draw(self):
        for number in PRINTED:
            title = figure.CHOICES[number]
            path = os.path.join(ROOT, SCRIPTS[f'figure {number}'])
            with open(path, encoding='utf-8') as file:
                tree = ast.parse(file.read())
            heading = ast.get_docstring(tree).split('\n\n')[0]
            self.assertEqual(
                ' '.join(heading.split()), f'Figure {number}: {title}.'
            )
            # The script starts the command of its figure.
            (words,) = [
                [word.value for word in node.args]
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
            ]
            self.assertEqual(words, ['figure', number])

    def test_all_figures_of_the_thesis(self):
        self.assertEqual(set(figure.CHOICES), {*PRINTED, *BEYOND})
        self.assertFalse({*PRINTED} & {*BEYOND})

    def test_all_figures_of_runs(self):
        self.assertEqual(
            {number for numbers in FIGURES.values() for number in numbers},
            set(SHOWN),
        )
        for name in BEYOND:
            self.assertEqual(title_of(name)[:19], 'Beyond the thesis: ')
        self.assertEqual(title_of('3.4'), 'Figure 3.4')

    def test_help(self):
        for number, title in figure.CHOICES.items():
            stdout, _ = self.call('figure', number, '--help')
            self.assertIn(
                f'usage: python -m kneerepro figure {number}', stdout
            )
            self.assertIn(
                'Beyond the thesis'
                if number in BEYOND
                else f'Figure {number}',
                stdout,
            )
            self.assertIn(f': {title}.', ' '.join(stdout.split()))

    def test_draws_networks(self):
        stdout, _ = self.call(
            'figure', '2.3', '--out', self.folder, '--width', '0.1'
        )
        path = self.path('networks', 'figure2_3.png')
        self.assertIn(f'wrote {path}', stdout)
        self.assertTrue(os.path.exists(path))

    def test_resuming_is_another_command(self):
        self.assert_refused(
            'use python experiments/cae3d.py --resume',
            'figure',
            '3.4',
            '--resume',
        )
