"""Files of version 0.1.0 still open: tests/saved/.

They are from before autoencoders had an output bias, and before trainings
measured the spread of the code.
"""

import contextlib
import csv
import io
import json
import math
import os
import shutil
import unittest

import numpy as np

from kneerepro import commands, runs
from kneerepro.claims.evidence import Evidence
from kneerepro.data.dataset import Dataset
from kneerepro.runs import zoo
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from tests.experiments.common import run_here, undrawn, unoptimised
from tests.folders import FolderTest

SAVED = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'saved')


def read_table(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


class SavedTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.data = self.path('knees.h5')
        shutil.copy(os.path.join(SAVED, 'knees.h5'), self.data)

    def saved_run(self, name):
        """Copy a run, and tell it where its dataset is."""
        folder = self.path('runs', name.split('-')[1], name)
        shutil.copytree(os.path.join(SAVED, name), folder)
        path = os.path.join(folder, 'config.json')
        with open(path) as file:
            config = json.load(file)
        config['arguments']['data'] = self.data
        with open(path, 'w') as file:
            json.dump(config, file)
        return runs.Run(folder)

    def test_dataset_opens(self):
        with Dataset(self.data) as dataset:
            self.assertEqual(dataset.volumes.shape, (6, 1, 16, 16, 16))
            self.assertEqual(
                list(dataset.side[:3]), ['RIGHT', 'RIGHT', 'LEFT']
            )
            # These came later.
            self.assertEqual(dataset.originals, [None] * 6)
            self.assertEqual(dataset.grids, [None] * 6)
            self.assertEqual(list(dataset.series), [''] * 6)
            self.assertEqual(list(dataset.frame_of_reference), [''] * 6)
            self.assertEqual(dataset.labels, {})

    def test_model_opens(self):
        encoder, decoder = zoo.load(
            self.saved_run('finished-cae3d').path('model.npz')
        ).networks
        self.assertEqual(
            (encoder.output_shape, decoder.output_shape),
            ((None, 4), (None, 1, 16, 16, 16)),
        )

    @undrawn
    @unoptimised()
    def test_resumes(self):
        run = self.saved_run('stopped-cae3d')
        self.assertIn(
            'resuming after iteration 9 of 24',
            run_here('cae3d', '--resume', run.folder, '--engine', 'auto'),
        )
        rows = read_table(run.path('losses.csv'))
        expected = read_table(
            os.path.join(SAVED, 'finished-cae3d', 'losses.csv')
        )
        self.assertEqual(len(rows), len(expected))
        for i, (row, whole) in enumerate(zip(rows, expected)):
            spread = row.pop('code_spread')
            if i <= 9:
                self.assertEqual((row, spread), (whole, ''))
                continue
            for name, text in whole.items():
                # Processors may sum in different orders.
                self.assertEqual(bool(text), bool(row[name]))
                if text:
                    self.assertAlmostEqual(
                        float(row[name]), float(text), delta=1e-4
                    )
        self.assertIn('code_plane', run.results())

    @undrawn
    @unoptimised()
    def test_resumes_with_the_arguments_of_its_start(self):
        run = self.saved_run('stopped-cae3d')
        output = run_here(
            'cae3d',
            '--resume',
            run.folder,
            '--output-bias',
            'mean',
            status=cli.BAD_INPUT,
        )
        self.assertIn('was started with --output-bias zero', output)
        run_here('cae3d', '--resume', run.folder, '--output-bias', 'zero')
        self.assertTrue(run.finished)

    def test_redraws(self):
        for name, script, figure in [
            ('finished-cae3d', 'fig3_5_loss_3d', 'figure3_5.png'),
            ('finished-cae2d', 'fig3_3_loss_2d', 'figure3_3.png'),
        ]:
            run = self.saved_run(name)
            run_here(script, '--run', run.folder)
            self.assertTrue(os.path.exists(run.path('figures', figure)))
            run_here(run.experiment, '--resume', run.folder)
            with open(run.path('report.html'), encoding='utf-8') as file:
                page = file.read()
            self.assertNotIn('notice collapse', page)  # it is unknown
            self.assertIn(
                '<td>output_bias</td><td>zero</td><td>mean</td>', page
            )

    def encode(self, run):
        output, errors = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            commands.main(
                [
                    'encode',
                    run.folder,
                    self.data,
                    '--out',
                    self.path('codes.csv'),
                ]
            )
        return errors.getvalue()

    def test_encodes(self):
        errors = self.encode(self.saved_run('finished-cae3d'))
        rows, expected = map(
            read_table,
            (self.path('codes.csv'), os.path.join(SAVED, 'codes.csv')),
        )
        for row, other in zip(rows, expected):
            for name, text in other.items():
                if name[0] == 'z':
                    self.assertAlmostEqual(
                        float(row[name]), float(text), delta=1e-5
                    )
                else:
                    self.assertEqual(row[name], text)
        # The network is too small to learn: its codes differ by 2e-4.
        self.assertIn('learned nothing', errors)

    def test_serves_as_evidence(self):
        evidence = Evidence({'cae3d': self.saved_run('finished-cae3d')})
        with self.assertRaisesRegex(UserError, 'learned nothing'):
            evidence.require_learned('cae3d')
        self.assertTrue(math.isfinite(evidence.curve('cae3d', 'train')[-1]))
        self.assertTrue(np.isfinite(evidence.curve('cae3d', 'test')).all())


if __name__ == '__main__':
    unittest.main()
