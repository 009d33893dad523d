import unittest
from dataclasses import replace

from kneerepro.data.reading.parts import split_copies, split_parts
from tests.data.series import make_slices, shuffled


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
