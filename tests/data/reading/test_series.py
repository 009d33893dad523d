import unittest
from dataclasses import replace

import numpy as np

from kneerepro.data.reading.series import Series, split_copies, split_parts
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


class CopiesTest(unittest.TestCase):
    def test_copy_of_all(self):
        slices = make_slices()
        again = [replace(image, path='copy/' + image.path) for image in slices]
        self.assertEqual(split_copies(slices + again), [slices, again])

    def test_copy_of_some(self):
        slices = make_slices()
        again = replace(slices[3], path='copy')
        self.assertEqual(split_copies(slices + [again]), [slices, [again]])

    def test_no_copies(self):
        slices = make_slices(4)
        moved = replace(slices[1], position=(7.0, 7.0, 7.0))
        nameless = [replace(image, sop='') for image in slices + slices]
        for members in [slices, slices + [moved], nameless]:
            self.assertEqual(split_copies(members), [members])


class PartsTest(unittest.TestCase):
    def parts(self, slices, min_slices=16):
        return {
            series.part: series
            for series in split_parts('1.2', slices, min_slices)
        }

    def test_single_part(self):
        parts = self.parts(make_slices())
        self.assertEqual(list(parts), [''])
        self.assertEqual(parts[''].uid, '1.2')

    def test_echoes(self):
        first = make_slices(echo_time='7.5')
        second = make_slices(echo_time='42.5')
        parts = self.parts(shuffled(second + first))
        self.assertEqual(list(parts), ['echo 1', 'echo 2'])
        self.assertEqual(parts['echo 1'].slices, first)
        self.assertEqual(parts['echo 2'].slices, second)

    def test_stacks_of_echoes(self):
        slices = [
            image
            for stack in '12'
            for echo in ('10', '9')
            for image in make_slices(stack=stack, echo_time=echo)
        ]
        parts = self.parts(slices)
        self.assertEqual(
            list(parts),
            [
                'stack 1 echo 1',
                'stack 1 echo 2',
                'stack 2 echo 1',
                'stack 2 echo 2',
            ],
        )
        self.assertEqual(parts['stack 2 echo 2'].header.echo_time, '10')

    def test_time_points(self):
        slices = [
            image
            for time in ('10', '2', '1')
            for image in make_slices(temporal_position=time)
        ]
        parts = self.parts(slices)
        self.assertEqual(
            [parts[f'time {i}'].header.temporal_position for i in (1, 2, 3)],
            ['1', '2', '10'],
        )

    def test_orientations(self):
        other = make_slices(orientation=(1.0, 0, 0, 0, 1, 0))
        self.assertEqual(
            list(self.parts(make_slices() + other)),
            ['orientation 1', 'orientation 2'],
        )
        # Too few for a stack: the check on mixed orientations finds them.
        self.assertEqual(list(self.parts(make_slices() + other[:15])), [''])
        # A rounded orientation is not a different one.
        rounded = make_slices(orientation=(0, 0.99999, 0.0001, 0, 0, -1.0))
        self.assertEqual(list(self.parts(make_slices() + rounded)), [''])
