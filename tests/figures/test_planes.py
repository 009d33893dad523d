import unittest

import numpy as np

from kneerepro.experiment.browser import PLANES
from kneerepro.figures.planes import PROPORTIONS, middle_planes


class PlanesTest(unittest.TestCase):
    def test_each_voxel_in_the_middle(self):
        volumes = np.random.RandomState(0).rand(3, 5, 8, 6)
        planes = middle_planes(volumes, 'real_')
        self.assertEqual(list(planes), [f'real_{name}' for name in PLANES])
        np.testing.assert_array_equal(planes['real_sagittal'], volumes[:, 2])
        for i in range(3):
            # Height, which is the same in both, goes down; depth across.
            for row in range(8):
                np.testing.assert_array_equal(
                    planes['real_coronal'][i, row], volumes[i, :, row, 3]
                )
            for column in range(6):
                np.testing.assert_array_equal(
                    planes['real_axial'][i, column], volumes[i, :, 4, column]
                )

    def test_proportions_are_those_of_the_planes(self):
        self.assertEqual(tuple(PROPORTIONS), PLANES)
        self.assertEqual(PROPORTIONS['sagittal'], 1)
        self.assertEqual(PROPORTIONS['coronal'], 1.25)
        self.assertEqual(PROPORTIONS['axial'], 1.25)
