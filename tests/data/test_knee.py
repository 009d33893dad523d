import numpy as np

from kneerepro.data.knee import load_knee
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.errors import UserError
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
            UserError, '2 usable DICOM series.* no number 3'
        ):
            load_knee(self.folder, 3)
        with self.assertRaisesRegex(UserError, '0 usable'):
            load_knee(self.folder, selection=Selection('T2'))
