import unittest
from dataclasses import replace
from unittest import mock

import numpy as np

from kneerepro.phantom import imaging, knee_volume
from kneerepro.phantom.anatomy import sample_anatomy
from tests.phantom.common import upright
from tests.phantom.test_knee import tissue_at


def volume_of(anatomy, matrix=64, slices=32):
    with mock.patch.object(imaging, 'sample_anatomy', lambda *_: anatomy):
        return knee_volume(0, 0, matrix, slices)


class KneeVolumeTest(unittest.TestCase):
    def test_shape_and_type(self):
        volume = knee_volume(0, 0, matrix=24, slices=5)
        self.assertEqual(volume.shape, (5, 24, 24))
        self.assertEqual(volume.dtype, np.uint16)
        self.assertLessEqual(volume.max(), 4095)

    def test_deterministic(self):
        first = knee_volume(3, 1, 32, 6)
        np.testing.assert_array_equal(first, knee_volume(3, 1, 32, 6))
        for other in (3, 2), (4, 1):
            self.assertGreater(
                (first != knee_volume(*other, 32, 6)).mean(), 0.5
            )

    def test_knees_differ_by_more_than_noise(self):
        same = upright(noise=0.02)
        noise = np.std(
            volume_of(same, 32, 8) / same.gain
            - volume_of(replace(same, noise=0), 32, 8) / same.gain
        )
        people = [
            knee_volume(0, i, 32, 8) / sample_anatomy(0, i).gain
            for i in range(3)
        ]
        self.assertGreater(np.std(people[0] - people[1]), 4 * noise)
        self.assertGreater(np.std(people[0] - people[2]), 4 * noise)

    def test_matrix_only_samples(self):
        coarse = knee_volume(0, 0, 64, 8).astype(float)
        fine = knee_volume(0, 0, 128, 8).astype(float)
        fine = fine.reshape(8, 64, 2, 64, 2).mean((2, 4))
        self.assertGreater(
            np.corrcoef(coarse.ravel(), fine.ravel())[0, 1], 0.97
        )

    def test_other_side_is_the_mirror_image(self):
        left = volume_of(upright(side='LEFT', noise=0))
        right = volume_of(upright(side='RIGHT', noise=0))
        np.testing.assert_array_equal(left, right[::-1])
        self.assertGreater((left != right).mean(), 0.2)

    def test_intensities(self):
        anatomy = upright(noise=0.03, coil_falloff=0, coil_skew=0)
        volume = volume_of(anatomy, 128, 32) / anatomy.gain
        left = imaging.slice_positions(32)[:, None, None]
        offset = (np.arange(128) + 0.5) * 140 / 128 - 70
        names = tissue_at(left, offset, 10 - offset[:, None])
        mean = {
            name: volume[names == name].mean() for name in np.unique(names)
        }
        # Compact bone is left out because it is as thin as these pixels.
        order = ['air', 'marrow', 'fat', 'muscle', 'cartilage', 'fluid']
        for darker, brighter in zip(order, order[1:]):
            self.assertLess(
                mean[darker], 0.9 * mean[brighter], (darker, brighter)
            )
        for dark in 'tendon', 'meniscus', 'ligament':
            self.assertLess(mean[dark], mean['muscle'] / 2, dark)

    def test_noise_of_air_is_rayleigh(self):
        anatomy = upright(noise=0.05, coil_falloff=0, gain=4000)
        corner = volume_of(anatomy, 128, 4)[:, -20:, :8] / anatomy.gain
        self.assertAlmostEqual(
            corner.mean(), 0.05 * np.sqrt(np.pi / 2), delta=0.002
        )
        self.assertAlmostEqual(
            corner.std(), 0.05 * np.sqrt(2 - np.pi / 2), delta=0.002
        )

    def test_ends_hold_hardly_more_than_skin_and_fat(self):
        for patient in range(12):
            volume = knee_volume(0, patient, 32, 16)
            bright = [
                (image > 0.3 * sample_anatomy(0, patient).gain).mean()
                for image in volume
            ]
            self.assertLess(max(bright[0], bright[-1]), 0.15)
            self.assertGreater(min(bright[6:10]), 0.2)
