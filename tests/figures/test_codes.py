import unittest

import numpy as np

from kneerepro.figures.codes import scatter_of_codes
from tests.figures.inspection import (
    FOOTER,
    assert_nothing_overlaps,
    texts,
)


class ScatterTest(unittest.TestCase):
    def draw(self, count=40, known=1.0, sides=('LEFT', 'RIGHT', '')):
        rng = np.random.RandomState(0)
        self.plane = rng.normal(size=(count, 2))
        self.tests = np.arange(count) >= 0.8 * count
        self.sides = np.array(sides)[rng.randint(len(sides), size=count)]
        self.widths = rng.uniform(65, 90, count)
        self.widths[: round((1 - known) * count)] = np.nan
        return scatter_of_codes(
            self.plane,
            np.array([0.4, 0.25]),
            self.tests,
            self.sides,
            self.widths,
            FOOTER,
        )

    def points(self, axes):
        """The coordinates of all filled points and of all rings."""
        found = [], []
        for points in axes.collections:
            ring = not len(points.get_facecolor())
            found[ring].append(np.asarray(points.get_offsets()))
        return [np.concatenate(offsets) for offsets in found]

    def assert_same_points(self, found, expected):
        np.testing.assert_array_equal(
            found[np.lexsort(found.T)], expected[np.lexsort(expected.T)]
        )

    def test_all_points_in_both_plots(self):
        for known in 1.0, 0.5:
            figure = self.draw(known=known)
            by_side, by_width, _ = figure.axes
            for axes in by_side, by_width:
                filled, rings = self.points(axes)
                self.assert_same_points(filled, self.plane)
                self.assert_same_points(rings, self.plane[self.tests])

    def test_no_plot_by_width_if_no_width_is_known(self):
        figure = self.draw(known=0.0)
        self.assertEqual(len(figure.axes), 1)

    def test_colours_show_the_width(self):
        by_width = self.draw().axes[1]
        shown = [
            points
            for points in by_width.collections
            if points.get_array() is not None
        ][0]
        np.testing.assert_array_equal(shown.get_array(), self.widths)

    def test_labels_and_legend(self):
        figure = self.draw(sides=['LEFT', 'RIGHT'])
        by_side, by_width, bar = figure.axes
        for axes in by_side, by_width:
            self.assertEqual(
                axes.get_xlabel(), 'first component (40% of the variance)'
            )
            self.assertEqual(axes.get_ylabel(), 'second component (25%)')
        self.assertEqual(bar.get_ylabel(), 'epicondylar width (mm)')
        (legend,) = figure.legends
        self.assertEqual(
            [text.get_text() for text in legend.get_texts()],
            ['left knee', 'right knee', 'test set'],
        )
        self.assertEqual(
            [text.replace('\n', ' ') for text in texts(figure)], [FOOTER]
        )

    def test_nothing_overlaps(self):
        for count in 5, 40, 3000:
            for known in 0.0, 1.0:
                assert_nothing_overlaps(self, self.draw(count, known))
