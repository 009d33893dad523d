import os
from unittest import mock

from matplotlib.image import imread

from kneerepro.figures.dataset import figure_3_1
from kneerepro.phantom import write_patients
from tests.experiments.common import run_here
from tests.folders import FolderTest

MODULE = 'kneerepro.experiment.dataset_figures'
SCRIPTS = {
    'fig2_1_planes': 'figure2_1.png',
    'fig2_2_slides': 'figure2_2.png',
    'fig3_1_images': 'figure3_1.png',
}


class DatasetFiguresTest(FolderTest):
    def run_script(self, name, *arguments, status=0):
        with mock.patch.dict(os.environ, XDG_CONFIG_HOME=self.path('config')):
            return run_here(
                name, '--out', self.path('out'), *arguments, status=status
            )

    def test_draw(self):
        write_patients(self.path('knees'), 2, matrix=16, slices=20)
        for name, figure in SCRIPTS.items():
            # A sheet of all slides takes seconds to draw.
            depth = ('--depth', '20') if name == 'fig2_2_slides' else ()
            output = self.run_script(
                name, '--data', self.path('knees'), *depth
            )
            path = self.path('out', 'dataset', figure)
            self.assertIn('wrote ' + path, output)
            self.assertGreater(imread(path).std(), 0.1)
        # All that is left is to choose the volumes.
        with (
            mock.patch(f'{MODULE}.figure_2_2') as drawn,
            mock.patch(f'{MODULE}.save_figure', return_value=[]) as saved,
        ):
            self.run_script('fig2_2_slides', '--data', self.path('knees'))
            self.assertEqual(drawn.call_args.args[0].shape, (160, 64, 64))
            folder = self.path('out', 'datasets')
            (name,) = [
                name
                for name in os.listdir(folder)
                if name.startswith('160x64x64-') and name.endswith('.h5')
            ]
            for script in 'fig2_2_slides', 'fig3_1_images':
                self.run_script(script, '--data', os.path.join(folder, name))
            self.run_script(
                'fig2_1_planes', '--data', self.path('knees'), '--patient', '2'
            )
            self.assertEqual(saved.call_count, 4)

    def test_reduced_preset(self):
        write_patients(self.path('knees'), 2, matrix=16, slices=20)
        for preset, reduced in ('smoke', True), ('thesis', False):
            with mock.patch(
                f'{MODULE}.figure_3_1',
                wraps=figure_3_1,
            ) as drawn:
                self.run_script(
                    'fig3_1_images',
                    '--preset',
                    preset,
                    '--data',
                    self.path('knees'),
                )
            footer = drawn.call_args.args[1]
            self.assertEqual(
                "preset smoke, not the thesis's" in footer, reduced
            )
            self.assertEqual('preset' in footer, reduced)

    def test_refused(self):
        write_patients(self.path('knees'), 1, matrix=16, slices=20)
        for name in SCRIPTS:
            self.assertIn(
                'error: ',
                self.run_script(
                    name, '--data', self.path('nowhere'), status=2
                ),
            )
            self.assertIn(
                'error: ',
                self.run_script(
                    name,
                    '--data',
                    self.path('knees'),
                    '--series-description',
                    'none',
                    status=2,
                ),
            )
        for name in 'fig2_1_planes', 'fig2_2_slides':
            self.assertRegex(
                self.run_script(
                    name,
                    '--data',
                    self.path('knees'),
                    '--patient',
                    '2',
                    status=2,
                ),
                'so there is no (number|volume) 2',
            )
