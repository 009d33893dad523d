import unittest
from dataclasses import replace

import numpy as np

from kneerepro.data.reading.positions import (
    each_covers,
    occupied,
    share_positions,
    usual_step,
    vacant,
    whole,
)
from tests.data.series import make_slices


def part(numbers, step=2.0, **changes):
    """The slices at some multiples of the step."""
    slices = make_slices(1, **changes)
    return [
        replace(slices[0], position=(-step * n, 10.0, 20.0)) for n in numbers
    ]


class StepsTest(unittest.TestCase):
    def test_usual_step(self):
        self.assertEqual(usual_step(np.array([0.0, 2, 4, 8])), 2)
        self.assertEqual(usual_step(np.array([0.0, 2, 8])), 2)
        self.assertEqual(usual_step(np.array([0.0, 0.01, 2, 2, 4, 4])), 1.99)
        self.assertEqual(usual_step(np.array([5.0, 5.0])), 0)

    def test_whole(self):
        self.assertEqual(
            whole(np.array([0.0, 0.5, 0.95, 1.05, 3.02, 3.2])).tolist(),
            [False, False, True, True, True, False],
        )

    def test_share_positions(self):
        slices = part(range(5))
        self.assertFalse(share_positions(slices))
        self.assertTrue(share_positions(slices + part([3.01])))
        self.assertFalse(share_positions(slices + part([3.5])))
        nowhere = replace(slices[0], position=None)
        self.assertFalse(share_positions(slices + slices + [nowhere]))

    def test_each_covers(self):
        whole_volume, half = part(range(10)), part(range(5))
        self.assertTrue(each_covers([whole_volume, half]))
        self.assertTrue(each_covers([whole_volume, part([0, 1, 2, 5, 6])]))
        self.assertFalse(each_covers([part(range(0, 10, 2)), whole_volume]))


class PlacesTest(unittest.TestCase):
    def assert_found(self, function, groups, numbers, expected, **changes):
        found = function(
            [part(group) for group in groups], part(numbers, **changes)
        )
        self.assertEqual(found.T.tolist(), np.array(expected, bool).tolist())

    def test_occupied(self):
        self.assert_found(
            occupied,
            [[0, 1, 2], [2, 3]],
            [1, 2, 2.5, 2.01, 9],
            [[1, 1, 0, 1, 0], [0, 1, 0, 1, 0]],
        )
        across = dict(orientation=(1.0, 0, 0, 0, 1, 0))
        self.assert_found(occupied, [[0, 1]], [1], [[0]], **across)

    def test_gap(self):
        self.assert_found(
            vacant,
            [[0, 1, 3, 4, 7], range(8)],
            [2, 5, 6, 3, 2.5],
            [[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]],
        )

    def test_end(self):
        # It goes on through neighbouring slices, but not across a gap.
        self.assert_found(
            vacant, [[3, 4, 5]], [2, 6, 7, 9, 0], [[1, 1, 1, 0, 0]]
        )

    def test_between_two_slabs(self):
        self.assert_found(
            vacant, [[0, 1, 3], [6, 7]], [2, 4, 5], [[1, 1, 1], [0, 1, 1]]
        )

    def test_half_a_slice_apart(self):
        self.assert_found(
            vacant,
            [[0, 1, 3, 4], [0.5, 1.5, 2.5, 4.5]],
            [2, 3.5],
            [[1, 0], [0, 1]],
        )

    def test_every_other(self):
        self.assert_found(
            vacant, [[0, 2, 4, 6], range(7)], [1, 3, 5], [[1, 1, 1], [0, 0, 0]]
        )

    def test_nothing_known(self):
        for changes in [
            dict(orientation=(1.0, 0, 0, 0, 1, 0)),
            dict(orientation=None),
        ]:
            self.assert_found(vacant, [[0, 1, 3]], [2], [[0]], **changes)
        self.assert_found(vacant, [[0]], [1], [[0]])
        nowhere = [replace(part([0])[0], position=None)]
        self.assertEqual(vacant([part([0, 2])], nowhere).tolist(), [[False]])
        self.assertEqual(vacant([nowhere], part([0])).tolist(), [[False]])
