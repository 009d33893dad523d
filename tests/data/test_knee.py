import os

import numpy as np
import scipy.io

from kneerepro.data.knee import load_knee
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.errors import UserError
from tests.data.images import FORMATS, convert, write_dicom, write_image
from tests.data.reading.archive_files import zip_of
from tests.data.series import SAGITTAL, write_series
from tests.folders import FolderTest

VOLUMES = np.random.RandomState(1).randint(0, 4000, (2, 16, 3, 4))


class LoadKneeTest(FolderTest):
    def setUp(self):
        super().setUp()
        for i, (patient, geometry) in enumerate(
            [
                ('Q', SAGITTAL),
                ('P', ((0, -1, 0, 0, 0, -1), (1, 0, 0))),
            ]
        ):
            write_series(
                self.folder,
                VOLUMES[i],
                f'1.{i}',
                geometry=geometry,
                step=6.0,
                PatientID=patient,
                Laterality='LR'[i],
                PixelSpacing=[0.5, 0.25],
                RescaleSlope=2,
                RescaleIntercept=-3,
            )

    def test_as_acquired(self):
        knee = load_knee(self.folder, 2)
        np.testing.assert_array_equal(knee.pixels, 2 * VOLUMES[0] - 3)
        self.assertEqual(knee.spacing, (6.0, 0.5, 0.25))
        self.assertEqual((knee.directions, knee.side), ('LRSIAP', 'LEFT'))

    def test_flipped_to_the_usual_view(self):
        # Slices were counted from right to left, columns from back to front.
        knee = load_knee(self.folder, 1)
        np.testing.assert_array_equal(
            knee.pixels, 2 * VOLUMES[1][::-1, :, ::-1] - 3
        )
        self.assertEqual((knee.directions, knee.side), ('LRSIAP', 'RIGHT'))

    def test_too_few(self):
        with self.assertRaisesRegex(
            UserError, '2 usable series.* no number 3'
        ):
            load_knee(self.folder, 3)
        with self.assertRaisesRegex(UserError, '0 usable'):
            load_knee(self.folder, selection=Selection('T2'))


class FormatsTest(FolderTest):
    def test_images(self):
        write_dicom(
            self.path('dicom', 'P'),
            VOLUMES[0],
            spacing=(6.0, 0.5, 0.25),
        )
        image = convert(self.path('dicom', 'P'))
        expected = load_knee(self.path('dicom'), selection=Selection(None))
        for name in FORMATS:
            knee = load_knee(write_image(image, self.path(name, name)))
            np.testing.assert_array_equal(knee.pixels, expected.pixels)
            np.testing.assert_allclose(knee.spacing, expected.spacing)
            self.assertEqual(
                (knee.directions, knee.side, knee.spacing_known),
                (expected.directions, expected.side, True),
            )

    def test_arrays(self):
        os.mkdir(self.path('in'))
        path = self.path('in', 'LEFT.npy')
        np.save(path, VOLUMES[0])
        scipy.io.savemat(
            self.path('in', 'x.mat'), {'v': np.moveaxis(VOLUMES[1], 0, 2)}
        )
        archive = self.write(
            'a.zip', zip_of([('LEFT.npy', self.read('in/LEFT.npy'))])
        )
        for source in path, self.path('in'), archive:
            knee = load_knee(source)
            np.testing.assert_array_equal(knee.pixels, VOLUMES[0])
            self.assertEqual(knee.side, 'LEFT')
            self.assertEqual(
                (knee.spacing, knee.directions, knee.spacing_known),
                ((1.0, 1.0, 1.0), 'LRSIAP', False),
            )
        np.testing.assert_array_equal(
            load_knee(self.path('in'), 2).pixels, VOLUMES[1]
        )

    def test_defects(self):
        np.save(self.path('a.npy'), VOLUMES[0] > 2000)
        np.save(self.path('b.npy'), np.where(VOLUMES[0] > 2000, 1, np.nan))
        for name, code in ('a.npy', 'FEW_VALUES'), ('b.npy', 'NOT_FINITE'):
            with self.assertRaisesRegex(
                UserError, f'{name}, series 1: {code}: .*choose another'
            ):
                load_knee(self.path(name))
