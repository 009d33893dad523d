import unittest

import numpy as np
from matplotlib.transforms import Bbox

from kneerepro.figures.boxes import (
    FeatureMaps,
    FeatureVolumes,
    Vector,
    box_of,
)
from kneerepro.figures.style import new_figure
from tests.figures.diagrams import corners, edges, fronts

SCALE = 0.01
CENTRE = 1.2, 0.9
BOXES = (
    Vector(100),
    FeatureMaps(channels=64, rows=32, columns=16),
    FeatureVolumes(channels=10, depth=40, rows=20, columns=30),
)


def drawn(box, filters=()):
    figure = new_figure(3, 2)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 3), ylim=(0, 2))
    box.draw(axes, *CENTRE, SCALE, '0.5', 'box', filters)
    return figure


class ShapeTest(unittest.TestCase):
    def test_kinds_of_boxes(self):
        for shape, box in [
            ((100,), Vector(100)),
            ((64, 32, 16), FeatureMaps(64, 32, 16)),
            ((10, 40, 20, 30), FeatureVolumes(10, 40, 20, 30)),
        ]:
            self.assertEqual(box_of(shape), box)

    def test_shapes_that_cannot_be_drawn(self):
        for shape in (), (3, 8), (1, None, 8), (1, 2, 3, 4, 5):
            with self.assertRaisesRegex(ValueError, 'cannot draw .* shape'):
                box_of(shape)


class BoxTest(unittest.TestCase):
    def test_size_is_that_of_the_drawing(self):
        for box in BOXES:
            extent = Bbox.union(
                [
                    patch.get_path().get_extents()
                    for patch in drawn(box).axes[0].patches
                ]
            )
            np.testing.assert_allclose(
                (extent.width, extent.height), box.size(SCALE)
            )
            np.testing.assert_allclose(
                np.mean([extent.min, extent.max], axis=0), CENTRE
            )

    def test_height_of_a_vector_is_logarithmic(self):
        for scale in SCALE, 9:
            short, tall = (Vector(units).size(scale)[1] for units in (15, 255))
            self.assertAlmostEqual(tall / short, 2)

    def test_maps_are_to_scale(self):
        for channels in 64, 16:
            figure = drawn(FeatureMaps(channels, rows=32, columns=16))
            across, up = edges(figure, 'box')
            away, _ = edges(figure, 'box', 'side')
            self.assertAlmostEqual(up[1], 32 * SCALE)
            # Cabinet projection: half of the length, at 45 degrees.
            self.assertAlmostEqual(np.hypot(*away), 16 * SCALE / 2)
            self.assertAlmostEqual(away[0], away[1])
            thickness = across[0] / np.sqrt(channels)
            self.assertAlmostEqual(
                thickness, FeatureMaps(1, 0, 0).size(SCALE)[0]
            )

    def test_volumes_are_to_scale(self):
        figure = drawn(FeatureVolumes(10, depth=40, rows=20, columns=30))
        across, up = edges(figure, 'box')
        away, _ = edges(figure, 'box', 'side')
        self.assertAlmostEqual(across[0], 30 * SCALE)
        self.assertAlmostEqual(up[1], 20 * SCALE)
        self.assertAlmostEqual(np.hypot(*away), 40 * SCALE / 2)

    def test_number_of_volumes(self):
        for channels, count in (1, 1), (10, 3), (64, 8):
            box = FeatureVolumes(channels, 4, 4, 4)
            self.assertEqual(box.count, count)
            self.assertEqual(len(fronts(drawn(box), 'box')), count)

    def test_light_falls_from_above(self):
        for box in BOXES[1:]:
            patches = {
                patch.get_gid(): patch.get_facecolor()[0]
                for patch in drawn(box).axes[0].patches
            }
            self.assertGreater(patches['box top'], patches['box front'])
            self.assertGreater(patches['box front'], patches['box side'])


class FilterTest(unittest.TestCase):
    def test_filter_covers_all_channels_at_the_front(self):
        figure = drawn(BOXES[1], filters=[(5, 3)])
        across, up = edges(figure, 'box filter')
        away, _ = edges(figure, 'box filter', 'side')
        np.testing.assert_allclose(across, edges(figure, 'box')[0])
        self.assertAlmostEqual(up[1], 5 * SCALE)
        self.assertAlmostEqual(np.hypot(*away), 3 * SCALE / 2)
        # The upper left corner of the front is that of the box.
        np.testing.assert_allclose(
            corners(figure, 'box filter')[3], corners(figure, 'box')[3]
        )

    def test_each_volume_has_a_filter_at_its_nearest_corner(self):
        figure = drawn(BOXES[2], filters=[(5, 4, 3)])
        for name in 'box', 'box 1', 'box 2':
            across, up = edges(figure, f'{name} filter')
            away, _ = edges(figure, f'{name} filter', 'side')
            self.assertAlmostEqual(np.hypot(*away), 5 * SCALE / 2)
            self.assertAlmostEqual(up[1], 4 * SCALE)
            self.assertAlmostEqual(across[0], 3 * SCALE)
            # The upper right corner of the front is that of the box.
            np.testing.assert_allclose(
                corners(figure, f'{name} filter')[2], corners(figure, name)[2]
            )

    def test_filter_is_no_larger_than_its_box(self):
        for box, size in (BOXES[1], (99, 99)), (BOXES[2], (99, 99, 99)):
            figure = drawn(box, filters=[size])
            for face in 'front', 'side', 'top':
                np.testing.assert_allclose(
                    corners(figure, 'box filter', face),
                    corners(figure, 'box', face),
                )
