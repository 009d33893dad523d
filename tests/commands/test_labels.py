"""The option --labels, on synthetic knees and their ground truth."""

import contextlib
import csv
import io
import os

import numpy as np

from kneerepro import commands
from kneerepro.data.dataset import Dataset
from kneerepro.phantom import write_patients
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest

SMALL = '--size', '8', '--depth', '20', '--key-file', 'key'


class LabelsTest(FolderTest):
    def setUp(self):
        super().setUp()
        write_patients(self.path('knees'), 2, matrix=16, slices=20)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def run_command(self, *arguments):
        """In this process, to save the time of the imports."""
        with (
            contextlib.redirect_stdout(io.StringIO()) as output,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            self.assertIsNone(commands.main(list(arguments)))
        return output.getvalue()

    def inspect(self, *arguments):
        return self.run_command('inspect', *arguments)

    def prepare(self, *arguments):
        return self.run_command('prepare', 'knees', *SMALL, *arguments)

    def test_ground_truth(self):
        table = '--labels', 'knees/ground_truth.csv'
        lines = (
            'labels of 2 of 2 volumes, from knees/ground_truth.csv (patient: '
            "'participant'; side: 'side'; columns: 32)\n"
            '  volumes without a label: 0\n  rows without a volume: 0\n'
        )
        self.assertIn(lines, self.inspect('knees', *table))
        self.assertIn(lines, self.prepare(*table))
        with open('knees/ground_truth.csv') as file:
            truth = {row['series_uid']: row for row in csv.DictReader(file)}
        with Dataset('knees.h5') as dataset:
            uids = dataset.labels['series_uid']
            self.assertEqual(set(uids), set(truth))
            np.testing.assert_array_equal(uids, dataset.series)
            for name in 'epicondylar_width_mm', 'noise':
                np.testing.assert_array_equal(
                    dataset.labels[name],
                    [float(truth[uid][name]) for uid in uids],
                )
            self.assertEqual(
                [truth[uid]['side'] for uid in uids], list(dataset.side)
            )
        self.assertIn('it is kept', self.prepare(*table))
        output = self.inspect('knees.h5')
        self.assertIn('knees.h5: 2 volumes of 20 x 8 x 8', output)
        self.assertRegex(output, r"'epicondylar_width_mm': \d\d.* \(1\)")
        self.assertIn('and 12 others', output)

    def test_chosen_columns(self):
        self.write('t.csv', 'patient;KL;other\n1;2,5;3\n2.0;;3\n3;;3\n')
        output = self.prepare('--labels', 't.csv', '--label-columns', 'KL')
        self.assertIn('rows without a volume: 1 (no volume', output)
        with Dataset('knees.h5') as dataset:
            self.assertEqual(list(dataset.labels), ['KL'])
            np.testing.assert_array_equal(dataset.labels['KL'], [2.5, np.nan])

    def test_dataset_beside_images(self):
        self.prepare()
        output = self.inspect('knees.h5', 'knees')
        self.assertIn('knees.h5: 2 volumes', output)
        self.assertIn('2 usable series', output)

    def test_refused(self):
        self.write('names.csv', 'name,KL\n1,2\n')
        self.write('others.csv', 'id,KL\n9000001,2\n')
        for arguments, message in [
            (
                ['--labels', 'names.csv'],
                r"names the patients \(columns: 'name'",
            ),
            (['--labels', 'others.csv'], 'none of its 1 patients'),
            (['--label-columns', 'KL'], '--label-columns needs --labels'),
        ]:
            for command in self.prepare, lambda *a: self.inspect('knees', *a):
                with self.assertRaisesRegex(UserError, message):
                    command(*arguments)
        self.assertFalse(os.path.exists('knees.h5'))
