import unittest
from dataclasses import replace

from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.series import Series
from kneerepro.data.reading.two_knees import split_knees
from tests.data.series import make_slices, shuffled

LIMITS = Limits(16, 80.0)


def slab(x, count=32, step=3.0, **changes):
    """Slices from x towards the patient's right."""
    return [
        replace(image, position=(x - step * i, 10.0, 20.0))
        for i, image in enumerate(make_slices(count, **changes))
    ]


class TwoKneesTest(unittest.TestCase):
    def split(self, slices, limits=LIMITS, part=''):
        return [
            (series.part, series.side(), series.slices)
            for series in split_knees(
                Series('1', part, shuffled(slices)), limits
            )
        ]

    def assert_whole(self, slices, limits=LIMITS):
        ((part, _, members),) = self.split(slices, limits)
        self.assertEqual((part, len(members)), ('', len(slices)))

    def test_two_knees(self):
        # The description cannot be right for both.
        left = slab(130, description='SAG_3D_DESS_LEFT')
        right = slab(-40, description='SAG_3D_DESS_LEFT')
        self.assertEqual(
            self.split(left + right),
            [('side 1', 'LEFT', left), ('side 2', 'RIGHT', right)],
        )
        self.assertEqual(
            [part for part, _, _ in self.split(right + left, part='echo 2')],
            ['echo 2 side 1', 'echo 2 side 2'],
        )

    def test_other_direction(self):
        other = dict(orientation=(0.0, -1, 0, 0, 0, -1))
        self.assertEqual(
            [
                (part, side)
                for part, side, _ in self.split(
                    slab(130, **other) + slab(-40, **other)
                )
            ],
            [('side 1', 'LEFT'), ('side 2', 'RIGHT')],
        )

    def test_laterality_of_some(self):
        left = slab(130, laterality='L')
        self.assertEqual(len(self.split(left + slab(-40))), 2)
        self.assert_whole(left + slab(-40, laterality='L'))

    def test_slices_that_are_missing(self):
        slices = slab(90, 60)
        self.assert_whole(slices)
        for first, last in [(20, 29), (29, 31), (25, 35), (10, 50)]:
            self.assert_whole(slices[:first] + slices[last:])
        # Half of a knee of 112 mm is not one of two knees.
        fine = slab(56, 160, 0.7)
        self.assert_whole(fine[:60] + fine[100:], Limits(16, 0.0))

    def test_not_two_knees(self):
        for other in [
            slab(-150, 10),  # too few slices
            slab(-150, 20),  # too thin
            slab(400),  # on the same side
        ]:
            self.assert_whole(slab(130) + other)
        across = dict(orientation=(1.0, 0, 0, 0, 1, 0))
        axial = [
            replace(image, position=(0.0, 0.0, image.position[0]))
            for image in slab(130, **across) + slab(-40, **across)
        ]
        self.assert_whole(axial)
        nowhere = replace(slab(0)[0], position=None)
        self.assert_whole(slab(130) + slab(-40) + [nowhere])
