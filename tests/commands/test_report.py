import os
import re
from unittest import mock

import numpy as np
from PIL import Image

from kneerepro.experiment.figures import CODES, FIGURES, file_name
from tests.commands.judged_runs import JudgedRunsTest


class ReportTest(JudgedRunsTest):
    def drawn_run(self, experiment, train, **changes):
        """Make a finished run with losses and (black) figures."""
        run = self.judged_run(
            experiment,
            {
                'train_loss': np.array([np.nan, *train]),
                'iterations_per_epoch': 2,
                'seconds': 3.0,
                'code_plane': np.zeros((2, 2)),
            },
            **changes,
        )
        os.mkdir(run.path('figures'))
        for name in [*map(file_name, FIGURES[experiment]), CODES]:
            Image.new('L', (4, 4)).save(run.path('figures', f'{name}.png'))
        return run

    def test_one_run(self):
        run = self.drawn_run('cae3d', [0.5, 0.25])
        self.write(run.path('report.html'), 'old')
        stdout, _ = self.call('report', run.folder)
        path = run.path('report.html')
        self.assertEqual(stdout, f'wrote {path}\n')
        page = self.read(path).decode()
        self.assertIn('The 3D autoencoder', page)
        self.assertIn('class="chart"', page)
        # Results without volumes, as earlier versions saved them.
        self.assertNotIn('class="browser"', page)
        self.call('report', run.folder, '-o', self.path('other.html'))
        self.assertEqual(self.read('other.html').decode(), page)

    def test_several_runs(self):
        runs = [
            self.drawn_run('cae3d', [0.5, 0.25]),
            self.drawn_run('cae3d', [0.4, 0.125, 0.5], learning_rate=7e-3),
        ]
        out = self.path('page.html')
        folders = [run.folder for run in runs]
        stdout, _ = self.call('report', *folders, '--out', out)
        self.assertEqual(stdout, f'wrote {out}\n')
        page = self.read(out).decode()
        differing, same = re.search(
            r'<h2>Settings that differ(.*)<details>(.*)</details>', page, re.S
        ).groups()
        self.assertIn('<th>learning_rate</th>', differing)
        self.assertIn('<td>0.007</td>', differing)
        self.assertNotIn('<th>nz</th>', differing)
        self.assertIn('<th>nz</th><td>4</td>', same)
        self.assertRegex(
            page,
            r'(?s)>training set, each minibatch</td>\s*'
            r'<td class="number">0.25</td><td class="number">0.25</td>\s*'
            r'<td class="number">0.125</td><td class="number">0.5</td>',
        )
        self.assertEqual(page.count('class="chart"'), 2)
        for number in FIGURES['cae3d']:
            for run in runs:
                name = os.path.basename(run.folder)
                self.assertIn(f'alt="Figure {number} of {name}"', page)

    def test_default_page_of_several_runs(self):
        folders = [
            self.drawn_run(name, [0.5]).folder for name in ('cae2d', 'cae3d')
        ]
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        stdout, _ = self.call('report', *folders)
        self.assertEqual(stdout, 'wrote side_by_side.html\n')
        page = self.read('side_by_side.html').decode()
        self.assertIn('<th>experiment</th><td>cae2d</td>', page)
        self.assertIn('Figure 2.3', page)
        self.assertIn('Figure 2.4', page)
        self.assert_refused(
            'side_by_side.html already exists', 'report', *folders
        )
        self.call('report', *folders, '--overwrite')

    def test_refuses(self):
        run = self.drawn_run('cae3d', [0.5])
        self.assert_refused(
            'nowhere is not a run', 'report', run.folder, self.path('nowhere')
        )
        stopped = self.new_run('cae2d').folder
        for folders in [stopped], [run.folder, stopped]:
            self.assert_refused(
                f'{stopped} is not finished; to resume', 'report', *folders
            )
        self.assert_refused(
            'are the same run', 'report', run.folder, run.folder + os.sep
        )
        out = self.write('page.html', 'mine')
        self.assert_refused(
            'already exists', 'report', run.folder, '--out', out
        )
        self.assertEqual(self.read('page.html'), b'mine')
        os.remove(run.path('figures', 'figure3_4.png'))
        self.assert_refused(
            'figure3_4.png is missing: .*--resume', 'report', run.folder
        )

    def test_knows_datasets_that_moved(self):
        run = self.drawn_run('cae3d', [0.5])
        moved = self.path('moved.h5')
        os.rename(self.data, moved)
        with mock.patch('kneerepro.commands.report.report.write') as write:
            write.return_value = 'x'
            self.call('report', run.folder, '--data', moved)
        self.assertEqual(write.call_args.args[2], [moved])
