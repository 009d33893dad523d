import unittest

import numpy as np

from kneerepro.phantom.anatomy import sample_anatomy
from kneerepro.phantom.knee import epicondylar_width, tissues
from tests.phantom.common import upright


def tissue_at(x, y, z, **changes):
    """The name of the tissue at each point."""
    p = [
        np.atleast_1d(np.array(c, 'float32'))
        for c in np.broadcast_arrays(x, y, z)
    ]
    names = np.full(p[0].shape, 'air', object)
    for name, distance in tissues(upright(**changes), tuple(p)):
        names[distance < 0] = name
    return names


class TissuesTest(unittest.TestCase):
    def assert_tissue(self, name, *point):
        self.assertEqual(tissue_at(*point)[0], name, point)

    def test_landmarks(self):
        for name, *point in [
            ('marrow', -23, 13, 15),
            ('marrow', 23, 13, 15),  # condyles
            ('marrow', 0, -10, 70),  # shaft of the femur
            ('marrow', 0, 0, -20),
            ('marrow', 0, 0, -60),  # tibia
            ('marrow', 1, -48, 34),  # patella
            ('marrow', 34, 20, -28),  # head of the fibula
            ('muscle', 20, 42, -40),
            ('muscle', -20, 42, -40),
            ('muscle', -30, -28, 60),
            ('ligament', -2, 24, 8),  # posterior cruciate
            ('tendon', 0, -37, -10),
            ('air', 0, -68, -50),
            ('air', 65, 0, 0),
            ('air', 0, 75, 0),
        ]:
            with self.subTest(name, point=point):
                self.assert_tissue(name, *point)

    def test_sides_differ(self):
        # Fibula and tibialis anterior are on the lateral side only.
        self.assertNotIn(tissue_at(-34, 20, -28)[0], ['marrow', 'cortex'])
        self.assert_tissue('muscle', 27, -6, -60)
        self.assert_tissue('fat', -30, -14, -60)

    def test_notch_between_the_condyles(self):
        self.assertEqual(set(tissue_at([-23, 23], 17, 8)), {'marrow'})
        self.assertNotIn(tissue_at(0, 17, 8)[0], ['marrow', 'cortex'])

    def test_thickness_of_cartilage(self):
        z = np.arange(-10, 20, 0.05)
        for femoral, tibial in [(2, 2.5), (3, 1.5)]:
            for x in -22, 22:
                column = tissue_at(
                    x,
                    0,
                    z,
                    femoral_cartilage_mm=femoral,
                    tibial_cartilage_mm=tibial,
                )
                thickness = 0.05 * (column == 'cartilage').sum()
                self.assertAlmostEqual(thickness, femoral + tibial, delta=0.4)

    def test_layers_under_the_condyle(self):
        column = tissue_at(-22, 0, np.arange(20, -20, -0.05))
        layers = [column[0]] + [
            b for a, b in zip(column, column[1:]) if a != b
        ]
        self.assertEqual(
            layers,
            [
                'marrow',
                'cortex',
                'cartilage',
                'fluid',
                'cartilage',
                'cortex',
                'marrow',
            ],
        )

    def test_menisci_behind_and_in_front(self):
        y = np.arange(-30, 40, 0.5)
        for x in -22, 22:
            found = y[tissue_at(x, y, -2) == 'meniscus']
            self.assertLess(found.min(), -10)
            self.assertGreater(found.max(), 15)
            self.assertFalse(((found > -5) & (found < 10)).any())

    def test_points_left_out_far_from_the_middle(self):
        # What is skipped there for speed does not change the result.
        rng = np.random.RandomState(1)
        p = rng.uniform([-60, -70, -60], [60, 70, 80], (4000, 3)).T
        together = tissue_at(*p)
        alone = np.concatenate([tissue_at(*point) for point in p.T[:400]])
        np.testing.assert_array_equal(together[:400], alone)


class EpicondylarWidthTest(unittest.TestCase):
    def test_as_measured_in_the_tissues(self):
        for changes in {}, {'condyle_width': 1.1}:
            x = np.arange(-46, 46, 0.05)
            widths = []
            for y in range(-20, 20, 2):
                for z in range(10, 40, 2):
                    names = tissue_at(x, y, z, **changes)
                    bone = x[(names == 'cortex') | (names == 'marrow')]
                    widths.append(np.ptp(bone) if len(bone) else 0)
            self.assertAlmostEqual(
                epicondylar_width(upright(**changes)), max(widths), delta=0.5
            )

    def test_of_adults(self):
        widths = [epicondylar_width(sample_anatomy(0, i)) for i in range(40)]
        self.assertTrue(60 < min(widths) < max(widths) < 95, widths)
        self.assertGreater(np.std(widths), 3)
        large = epicondylar_width(upright(size=1.1))
        self.assertAlmostEqual(large / epicondylar_width(upright()), 1.1)
