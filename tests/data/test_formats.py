"""A synthetic knee in each format becomes the same volume of a dataset."""

import json
import os
import shutil

import numpy as np

from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.ensure import ensure_dataset
from kneerepro.data.label_table import read_labels
from kneerepro.data.prepare import Settings, prepare
from kneerepro.data.reading.selection import Selection
from kneerepro.phantom import write_patients
from tests.data.images import (
    ARRANGEMENTS,
    TURNED,
    convert,
    rearranged,
    write_dicom,
    write_image,
)
from tests.folders import FolderTest

KEY = b'0123456789abcdef'
OPTIONS = Options(depth=16, size=16)


class FormatsTest(FolderTest):
    def setUp(self):
        super().setUp()
        write_patients(self.path('dicom'), 1, matrix=40, slices=20)
        self.image = convert(
            next(
                folder
                for folder, _, names in os.walk(self.path('dicom'))
                if '001' in names
            )
        )

    def prepare(self, source, options=OPTIONS, **kwargs):
        """The volume, its grids and its side."""
        out = self.path(source, 'v.h5')
        settings = Settings(
            key=KEY, options=options, selection=Selection(None)
        )
        prepare([self.path(source)], out, settings, **kwargs)
        with Dataset(out) as dataset:
            self.assertEqual(len(dataset.volumes), 1)
            return (
                dataset.volumes[0],
                dataset.originals[0],
                dataset.grids[0],
                dataset.side[0],
            )

    def assert_same(self, source, expected, **kwargs):
        volume, original, grid, side = self.prepare(source, **kwargs)
        np.testing.assert_allclose(volume, expected[0], atol=1e-6)
        for found, wanted in (original, expected[1]), (grid, expected[2]):
            self.assertEqual(found.shape, wanted.shape)
            corners = np.array(found.shape) - 1
            for index in (0, 0, 0), corners, corners * (0, 1, 0):
                np.testing.assert_allclose(
                    found.position(index), wanted.position(index), atol=0.01
                )
        self.assertEqual(side, expected[3])

    def test_same_volume(self):
        expected = self.prepare('dicom')
        self.assertEqual(expected[1].shape, (20, 40, 40))
        self.assertEqual(expected[3], 'RIGHT')
        for i, ending in enumerate(
            ['nii', 'nii.gz', 'hdr', 'mha', 'mhd', 'nrrd']
        ):
            name = f'right.{ending}'
            image = rearranged(self.image, *ARRANGEMENTS[7 * i + 5])
            write_image(image, self.path(name, name))
            self.assert_same(name, expected)

    def test_mirrored(self):
        """On its side, and with an odd number of columns to pad."""
        volume = np.random.RandomState(1).randint(0, 999, (20, 12, 9))
        write_dicom(
            self.path('left', 'dicom'),
            volume,
            spacing=(5.0, 3.0, 3.0),
            orientation=TURNED,
            origin=(130.0, -20.5, 30.25),
        )
        plain = self.prepare('left')
        options = Options(depth=16, size=16, flip_left=True)
        expected = self.prepare('left', options, overwrite=True)
        self.assertEqual(expected[3], 'LEFT')
        np.testing.assert_array_equal(expected[0], plain[0][:, ::-1])
        image = convert(self.path('left', 'dicom'))
        for i in 11, 30:
            write_image(
                rearranged(image, *ARRANGEMENTS[i]),
                self.path(f'nii{i}', 'k.nii'),
            )
            self.assert_same(f'nii{i}', expected, options=options)

    def test_report(self):
        write_image(self.image, self.path('in', 'Jane.mhd'))
        shutil.copy(self.path('in', 'Jane.raw'), self.path('in', 'x.nii.gz'))
        self.prepare('in')
        with open(self.path('in', 'v.report.json')) as file:
            rows = json.load(file)
        self.assertEqual(
            [
                (row['decision'], row['code'], row['files'], row['plane'])
                for row in rows
            ],
            [
                ('passed over', '', ['Jane.raw'], ''),
                ('rejected', 'UNREADABLE', ['x.nii.gz'], ''),
                ('converted', '', ['Jane.mhd', 'Jane.raw'], 'sagittal'),
            ],
        )
        self.assertNotIn(b'Jane', self.read('in/v.h5'))

    def test_labels_by_the_name_of_the_file(self):
        write_image(self.image, self.path('in', '9000099_right.nii.gz'))
        labels = self.write('kl.csv', 'id,side,KL\n9000099,R,2\n9000099,L,1\n')
        settings = Settings(
            key=KEY, options=OPTIONS, labels=read_labels(labels, None)
        )
        prepare([self.path('in')], self.path('v.h5'), settings)
        with Dataset(self.path('v.h5')) as dataset:
            self.assertEqual(dataset.labels['KL'].tolist(), [2])
            self.assertNotIn('9000099', dataset.patient[0])

    def test_one_file(self):
        path = write_image(self.image, self.path('knee.nii'))
        out = self.path('v.h5')
        made = ensure_dataset(
            path,
            out,
            OPTIONS,
            Selection(),
            key=lambda: KEY,
            at_least=1,
            report=lambda line: None,
        )
        self.assertEqual(made, out)
        with Dataset(out) as dataset:
            self.assertEqual(dataset.volumes.shape, (1, 1, 16, 16, 16))

    def test_values_that_change(self):
        """The file beside the header decides, too, what is made again."""
        write_image(self.image, self.path('in', 'knee.mhd'))
        first = self.prepare('in')[0]
        write_image(self.image**2, self.path('in', 'other.mhd'))
        os.replace(self.path('in', 'other.raw'), self.path('in', 'knee.raw'))
        os.remove(self.path('in', 'other.mhd'))
        os.remove(self.path('in', 'v.h5'))
        self.assertGreater(np.abs(self.prepare('in')[0] - first).max(), 0.1)
