import unittest

import numpy as np

from kneerepro.figures.cae2d import figure_3_2, figure_3_3
from tests.figures.inspection import (
    FOOTER,
    assert_nothing_overlaps,
    images,
    shown,
    texts,
)


class Figure32Test(unittest.TestCase):
    def draw(self, count=6):
        self.truth = images(count, 8, 6)
        self.reconstruction = 2 * images(count, 8, 6, seed=2)
        return figure_3_2(
            self.truth,
            self.reconstruction,
            [20 * (i + 1) for i in range(count)],
            FOOTER,
        )

    def test_images(self):
        figure = self.draw()
        self.assertEqual(len(figure.axes), 12)
        for axes, image in zip(
            figure.axes, [*self.truth, *self.reconstruction]
        ):
            np.testing.assert_array_equal(shown(axes), [image])
        for above, below in zip(figure.axes, figure.axes[6:]):
            above, below = above.get_position(), below.get_position()
            self.assertAlmostEqual(above.x0, below.x0)
            self.assertGreater(above.y0, below.y1)

    def test_white_level_is_that_of_the_truth(self):
        limits = {
            image.get_clim()
            for axes in self.draw().axes
            for image in axes.get_images()
        }
        self.assertEqual(limits, {(0, np.percentile(self.truth, 99.8))})

    def test_titles_and_labels(self):
        figure = self.draw()
        self.assertEqual(
            [axes.get_title() for axes in figure.axes],
            [f'slide {i}' for i in range(20, 121, 20)] + 6 * [''],
        )
        self.assertEqual(
            [axes.get_ylabel() for axes in figure.axes],
            ['ground truth'] + 5 * [''] + ['reconstruction'] + 5 * [''],
        )
        self.assertEqual(
            [text.replace('\n', ' ') for text in texts(figure)], [FOOTER]
        )

    def test_nothing_overlaps(self):
        for count in 1, 3, 6:
            assert_nothing_overlaps(self, self.draw(count))


class Figure33Test(unittest.TestCase):
    """:mod:`tests.figures.test_losses` tests the rest of the plot."""

    def test_curves_and_insets(self):
        nan = float('nan')
        train, test, first_ten = (
            np.array(values)
            for values in (
                [nan, 0.12, 0.1, 0.07, 0.05, 0.06],
                [0.11, nan, 0.08, nan, 0.05, 0.04],
                [nan, 0.13, 0.11, 0.09, 0.05, 0.05],
            )
        )
        insets = images(2, 8, 6)
        figure = figure_3_3(
            train, test, first_ten, 2, insets, [1, 2], FOOTER, {'mean': 0.07}
        )
        (axes,) = figure.axes
        self.assertEqual(
            [text.get_text() for text in axes.get_legend().get_texts()],
            [
                'training set, each minibatch (at the end 0.06)',
                'first ten test images, each iteration (at the end 0.05)',
                'whole test set, each epoch (at the end 0.04)',
                'mean (0.07)',
            ],
        )
        np.testing.assert_array_equal(
            [shown(inset)[0] for inset in axes.child_axes[1:]], insets
        )
        assert_nothing_overlaps(self, figure)
