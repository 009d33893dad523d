import unittest
from dataclasses import replace

import numpy as np

from kneerepro.data.reading.series import Series
from tests.data.series import make_slices, shuffled


class SeriesTest(unittest.TestCase):
    def test_sorted_along_normal(self):
        slices = make_slices()
        self.assertEqual(Series('1', '', shuffled(slices)).slices, slices)

    def test_left_alone_without_positions(self):
        slices = shuffled(make_slices())
        slices[3] = replace(slices[3], position=None)
        series = Series('1', '', slices)
        self.assertFalse(series.has_positions())
        self.assertEqual(series.slices, slices)
        self.assertEqual(series.spacing(), (0, 0.5, 0.25))

    def test_spacing(self):
        series = Series('1', '', make_slices())
        np.testing.assert_allclose(series.positions(), np.arange(20) * 1.5)
        self.assertEqual(series.spacing(), (1.5, 0.5, 0.25))

    def test_paths(self):
        slices = [
            replace(image, path='file', index=i)
            for i, image in enumerate(make_slices(3))
        ]
        self.assertEqual(Series('1', '', slices).paths(), ['file'])


class GridTest(unittest.TestCase):
    def test_positions(self):
        grid = Series('1', '', shuffled(make_slices())).grid()
        self.assertEqual(grid.shape, (20, 4, 6))
        np.testing.assert_allclose(grid.origin, (0, 10, 20))
        np.testing.assert_allclose(
            grid.steps, [(-1.5, 0, 0), (0, 0, -0.5), (0, 0.25, 0)]
        )
        np.testing.assert_allclose(
            grid.position((7, 2, 5)), (-10.5, 11.25, 19)
        )

    def test_rounded_cosines(self):
        slices = make_slices(orientation=(0, 0.999, 0, 0, 0, -1.001))
        np.testing.assert_allclose(
            Series('1', '', slices).grid().spacing, (1.5, 0.5, 0.25)
        )

    def test_unknown(self):
        slices = make_slices()
        for changed in [
            slices[:1],
            make_slices(pixel_spacing=None),
            [replace(image, position=None) for image in slices],
        ]:
            self.assertIsNone(Series('1', '', changed).grid())


class HeaderTest(unittest.TestCase):
    def test_first(self):
        first, second = make_slices(1, patient='P') + make_slices(
            1, patient='Q', laterality='R', echo_time=5.0
        )
        self.assertIs(Series('1', '', [first]).header, first.header)
        header = Series('1', '', [first, second]).header
        self.assertEqual((header.patient, header.laterality), ('P', 'R'))
        self.assertIsNone(header.echo_time)

    def test_absent(self):
        slices = make_slices(2, patient='') + make_slices(1, patient='P')
        self.assertEqual(Series('1', '', slices).header.patient, 'P')
        self.assertEqual(Series('1', '', slices[:2]).header.patient, '')


class SideTest(unittest.TestCase):
    def side(self, x=0.0, **fields):
        slices = [
            replace(image, position=(image.position[0] + x, 0.0, 0.0))
            for image in make_slices(**fields)
        ]
        return Series('1', '', slices).side()

    def test_laterality(self):
        self.assertEqual(self.side(laterality='L'), 'LEFT')
        self.assertEqual(
            self.side(laterality='R', description='SAG_3D_DESS_LEFT'), 'RIGHT'
        )

    def test_description(self):
        self.assertEqual(self.side(description='SAG_3D_DESS_LEFT'), 'LEFT')
        self.assertEqual(self.side(description='Sag right knee'), 'RIGHT')
        for text in 'leftover', 'left and right', '':
            self.assertEqual(self.side(description=text), '')

    def test_known(self):
        slices = make_slices(laterality='L')
        series = Series('1', '', slices, known_side='RIGHT')
        self.assertEqual(series.side(), 'RIGHT')

    def test_position(self):
        # The slab is 28.5 mm thick: its middle is 14.25 mm to the right of x.
        for x, side in [
            (120, 'LEFT'),
            (45, 'LEFT'),
            (40, ''),
            (0, ''),
            (-20, 'RIGHT'),
            (-100, 'RIGHT'),
        ]:
            self.assertEqual(self.side(x), side)
