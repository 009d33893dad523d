import os
import subprocess
import sys

from matplotlib.image import imread

from kneerepro.phantom import write_patients
from tests.folders import FolderTest
from tests.subprocesses import ROOT

SCRIPTS = {'fig2_1_planes': 'figure2_1.png', 'fig2_2_slides': 'figure2_2.png',
           'fig3_1_images': 'figure3_1.png'}


class DatasetFiguresTest(FolderTest):
    def run_script(self, name, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, 'experiments', name + '.py'),
             '--out', self.path('out'), *arguments], text=True,
            capture_output=True, stdin=subprocess.DEVNULL,
            env={**os.environ, 'XDG_CONFIG_HOME': self.path('config')})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn('Traceback', done.stderr)
        return done.stdout + done.stderr

    def test_draw(self):
        write_patients(self.path('knees'), 2, matrix=16, slices=20)
        for name, figure in SCRIPTS.items():
            output = self.run_script(name, '--data', self.path('knees'))
            self.assertIn('wrote ' + self.path('out', figure), output)
            self.assertGreater(imread(self.path('out', figure)).std(), 0.1)
        dataset = self.path('out', 'figure2_2.h5')
        for name in 'fig2_2_slides', 'fig3_1_images':
            self.run_script(name, '--data', dataset)
        self.run_script('fig2_1_planes', '--data', self.path('knees'),
                        '--patient', '2')

    def test_refused(self):
        write_patients(self.path('knees'), 1, matrix=16, slices=20)
        for name in SCRIPTS:
            self.assertIn('error: ', self.run_script(
                name, '--data', self.path('nowhere'), status=2))
            self.assertIn('error: ', self.run_script(
                name, '--data', self.path('knees'), '--series-description',
                'none', status=2))
        for name in 'fig2_1_planes', 'fig2_2_slides':
            self.assertIn('number 2', self.run_script(
                name, '--data', self.path('knees'), '--patient', '2',
                status=2))
