import unittest

import numpy as np

from kneerepro.figures.cae3d import figure_3_4, figure_3_5
from tests.figures.inspection import (
    FOOTER,
    assert_nothing_overlaps,
    images,
    shown,
    texts,
)


class Figure34Test(unittest.TestCase):
    def draw(self, patients=3, slides=3, epochs=(1, 20, 40), **kwargs):
        self.truth = images(patients, slides, 8, 6)
        self.reconstruction = images(patients, slides, 8, 6, seed=2)
        self.over_time = images(1 + len(epochs), 8, 6, seed=3)
        return figure_3_4(
            self.truth,
            self.reconstruction,
            [f'test {i}' for i in range(patients)],
            [10 * (i + 1) for i in range(slides)],
            self.over_time,
            list(epochs),
            **kwargs,
        )

    def assert_shows_all(self, figure):
        pairs = np.stack([self.truth, self.reconstruction], axis=2)
        expected = list(pairs.reshape(-1, 8, 6)) + list(self.over_time)
        actual = sum([shown(axes) for axes in figure.axes], [])
        np.testing.assert_array_equal(actual, expected)

    def test_content(self):
        figure = self.draw(footer='a footer')
        self.assert_shows_all(figure)
        titles = [axes.get_title() for axes in figure.axes]
        self.assertEqual(titles[:6], ['ground truth', 'reconstruction'] * 3)
        self.assertEqual(titles[6:18], [''] * 12)
        self.assertEqual(
            titles[18:], ['ground truth', 'epoch 1', 'epoch 20', 'epoch 40']
        )
        self.assertEqual(
            [axes.get_ylabel() for axes in figure.axes[::6][:3]],
            ['test 0', 'test 1', 'test 2'],
        )
        self.assertEqual(
            set(texts(figure)),
            {
                'slide 10',
                'slide 20',
                'slide 30',
                'a footer',
                'Slide 20 of test 0 over the epochs',
            },
        )

    def test_white_level_is_that_of_the_truth(self):
        figure = self.draw()
        limits = {
            image.get_clim()
            for axes in figure.axes[:18]
            for image in axes.get_images()
        }
        ((low, high),) = limits
        self.assertEqual(low, 0)
        self.assertAlmostEqual(high, np.percentile(self.truth, 99.8))

    def test_fewer_images(self):
        for patients, slides, epochs in [
            (1, 3, (1,)),
            (2, 3, (1, 2)),
            (1, 1, (1,)),
        ]:
            figure = self.draw(patients, slides, epochs)
            self.assert_shows_all(figure)
            self.assertEqual(
                len(figure.axes), 2 * patients * slides + 1 + len(epochs)
            )

    def test_nothing_overlaps(self):
        for patients, slides, epochs in [
            (3, 3, (1, 100, 200, 300, 400, 500)),
            (1, 2, (1,)),
        ]:
            assert_nothing_overlaps(
                self, self.draw(patients, slides, epochs, footer=FOOTER)
            )

    def test_long_names_of_patients(self):
        volumes = images(3, 3, 8, 8)
        figure = figure_3_4(
            volumes,
            volumes,
            [f'training volume {i}' for i in (101, 102, 103)],
            [20, 80, 160],
            images(4, 8, 8),
            [1, 20, 40],
        )
        assert_nothing_overlaps(self, figure)


class Figure35Test(unittest.TestCase):
    def test_curves_and_insets(self):
        """:mod:`tests.figures.test_losses` tests the rest of the plot."""
        nan = float('nan')
        curves = [
            np.array(values)
            for values in (
                [nan, 0.12, 0.1, 0.07, 0.05, 0.06],
                [0.11, nan, 0.08, nan, 0.05, 0.04],
                [nan, 0.13, 0.11, 0.09, 0.05, 0.05],
            )
        ]
        over_time = images(2, 8, 6)
        figure = figure_3_5(*curves, 2, over_time, [1, 3], FOOTER)
        (axes,) = figure.axes
        train, first_ten, test = axes.lines
        for line, values in [
            (train, curves[0]),
            (test, curves[1]),
            (first_ten, curves[2]),
        ]:
            where = np.flatnonzero(np.isfinite(values))
            np.testing.assert_array_equal(line.get_xdata(), where)
            np.testing.assert_array_equal(line.get_ydata(), values[where])
        insets = axes.child_axes[1:]
        self.assertEqual(
            [inset.get_title() for inset in insets], ['epoch 1', 'epoch 3']
        )
        np.testing.assert_array_equal(
            [shown(inset)[0] for inset in insets], over_time
        )
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        self.assertIn(
            'first ten test volumes, each iteration (at the end 0.05)', labels
        )
        assert_nothing_overlaps(self, figure)
