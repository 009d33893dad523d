"""Labels from their table to the dataset."""

import csv
import os
import shutil
from dataclasses import replace

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.label_table import read_labels
from kneerepro.data.prepare import Settings, describe, prepare
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.files import walk_files
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.utils.errors import UserError
from tests.data.reading.archive_files import zip_of
from tests.data.series import SAGITTAL, write_series
from tests.folders import FolderTest

KEY = b'0123456789abcdef'
SETTINGS = Settings(
    key=KEY,
    options=Options(depth=4, size=6),
    limits=Limits(min_slices=2, min_coverage=0.0),
)


class PrepareLabelsTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('v.h5')
        # P has both knees, and the left one at two visits.
        for i, (release, patient, side) in enumerate(
            [
                ('0.E.1', 'P', 'L'),
                ('0.E.1', 'P', 'R'),
                ('1.E.1', 'P', 'L'),
                ('0.E.1', 'Q', 'R'),
            ]
        ):
            self.series(i, release, PatientID=patient, Laterality=side)

    def series(self, i, release='0.E.1', **elements):
        pixels = np.random.RandomState(i).randint(0, 4000, (4, 6, 6))
        write_series(
            self.path('dicom', release, str(i)),
            pixels,
            f'1.{i}',
            geometry=SAGITTAL,
            **elements,
        )

    def prepare(self, text='', chosen=None, **kwargs):
        """Keywords are arguments of prepare() or change SETTINGS."""
        labels = text and read_labels(self.write('t.csv', text), chosen)
        settings = replace(
            SETTINGS,
            labels=labels or None,
            identifiers=kwargs.pop('identifiers', False),
        )
        return prepare([self.path('dicom')], self.out, settings, **kwargs)

    def labels(self):
        with Dataset(self.out) as dataset:
            return dataset.labels

    def unmatched(self):
        with open(self.path('v.labels.csv'), newline='') as file:
            return [list(row.values()) for row in csv.DictReader(file)]

    def test_visit_above_an_archive(self):
        """The place where it is unpacked says nothing."""
        for release in '0.E.1', '1.E.1':
            folder = self.path('dicom', release)
            members = [
                (file.path[len(folder) + 1 :], self.read(file.path))
                for file in walk_files([folder])
            ]
            shutil.rmtree(folder)
            self.write(f'packed/{release}/knees.zip', zip_of(members))
        table = 'ID|SIDE|visit|KL\nP|2|V00|3\nP|2|V01|4\n'
        labels = read_labels(self.write('t.csv', table), None)
        for source in 'packed/1.E.1', 'packed/1.E.1/knees.zip':
            out = self.path('out', '0.E.1', f'{len(source)}.h5')
            prepare([self.path(source)], out, replace(SETTINGS, labels=labels))
            with Dataset(out) as dataset:
                self.assertEqual(list(dataset.labels['KL']), [4])

    def test_stored(self):
        summary = self.prepare(
            'ID|SIDE|visit|KL|sex\n'
            'P|1|V00|2|f\nP|2|V00|3|f\nP|2|V01|4|f\nQ|2|V00|0|m\nR|1|V00|1|m\n'
        )
        labels = self.labels()
        self.assertEqual(list(labels), ['visit', 'KL', 'sex'])
        np.testing.assert_array_equal(labels['KL'], [3, 2, 4, np.nan])
        self.assertEqual(list(labels['sex']), ['f', 'f', 'f', ''])
        self.assertEqual(list(labels['visit']), ['V00', 'V00', 'V01', ''])
        names = {name: keyed_hash(KEY, name) for name in 'QR'}
        self.assertEqual(
            self.unmatched(),
            [
                [
                    'volume',
                    '3',
                    names['Q'],
                    'RIGHT',
                    'V00',
                    'no row of this knee',
                ],
                [
                    'row',
                    '5',
                    names['Q'],
                    'LEFT',
                    'V00',
                    'no volume of this knee',
                ],
                [
                    'row',
                    '6',
                    names['R'],
                    'RIGHT',
                    'V00',
                    'no volume of this patient',
                ],
            ],
        )
        lines = list(describe(summary, self.out))
        self.assertIn('labels of 3 of 4 volumes', lines[-4])
        self.assertIn('volumes without a label: 1 ', lines[-3])
        self.assertIn('rows without a volume: 2 ', lines[-2])
        self.assertIn('v.labels.csv', lines[-1])

    def test_identifiers(self):
        self.prepare('id,x\nP,1\nR,2\n', identifiers=True)
        self.assertEqual([row[2] for row in self.unmatched()], ['Q', 'R'])

    def test_no_patient_id_in_any_file(self):
        os.rename(self.path('dicom'), self.path('old'))
        self.series(1, PatientID='9876543', Laterality='L')
        self.prepare(
            'id,participant,x\n9876543,9876543,1\n9123456,9123456,2\n'
        )
        self.assertEqual(list(self.labels()), ['x'])
        for name in os.listdir(self.folder):
            if name.startswith('v.'):
                for number in b'9876543', b'9123456':
                    self.assertNotIn(number, self.read(name), name)

    def test_rejected_volumes_have_no_label(self):
        """Labels belong to the volumes that are in the dataset."""
        write_series(
            self.path('dicom', 'constant'),
            np.zeros((4, 6, 6), int),
            '1.9',
            PatientID='A',
        )
        summary = self.prepare('id,x\nA,1\nP,2\nQ,3\n')
        self.assertEqual((summary.converted, summary.rejected), (4, 1))
        np.testing.assert_array_equal(self.labels()['x'], [2, 2, 2, 3])
        self.assertEqual([row[:2] for row in self.unmatched()], [['row', '2']])

    def test_up_to_date(self):
        text = 'id,x,y\nP,1,2\n'
        self.prepare(text)
        before = self.read('v.h5')
        self.assertIsNone(self.prepare(text))
        os.remove(self.out)
        self.prepare(text, workers=2)
        self.assertEqual(self.read('v.h5'), before)
        for changed, chosen in [
            ('id,x,y\nP,1,3\n', None),
            (text, ['x']),
            ('', None),
        ]:
            with self.assertRaisesRegex(UserError, '--overwrite'):
                self.prepare(changed, chosen)
        self.prepare(text, ['y'], overwrite=True)
        self.assertEqual(list(self.labels()), ['y'])

    def test_without_labels(self):
        """Datasets from before there were labels are still up to date."""
        self.prepare()
        self.assertEqual(self.labels(), {})
        with Dataset(self.out) as dataset:
            self.assertIsNone(dataset.provenance.get('labels'))
        self.assertFalse(os.path.exists(self.path('v.labels.csv')))

    def test_another_table(self):
        """It is refused before anything is converted."""
        converted = []
        with self.assertRaisesRegex(UserError, 'none of its 1 patients'):
            self.prepare(
                'id,x\nZ,1\n', progress=lambda *count: converted.append(count)
            )
        self.assertEqual(
            {phase for phase, *_ in converted}, {'reading headers'}
        )
        self.assertFalse(os.path.exists(self.out))
        # The headers need not be read again with the right one.
        self.prepare('id,x\nP,1\n')
        np.testing.assert_array_equal(self.labels()['x'], [1, 1, 1, np.nan])

    def test_contradiction(self):
        with self.assertRaisesRegex(UserError, "lines 2 and 3 .* 'x'"):
            self.prepare('id,x\nP,1\nP,2\n')
