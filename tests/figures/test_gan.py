import unittest
import warnings

import numpy as np

from kneerepro.figures.gan import (
    figure_3_6,
    figure_3_7,
    figure_3_8,
    figure_3_9,
    figure_3_10,
)
from kneerepro.figures.style import white_level
from tests.figures.inspection import (
    FOOTER,
    assert_nothing_overlaps,
    corners,
    images,
    placed,
    texts,
    white_levels,
)


class OverTimeTest(unittest.TestCase):
    """Figures 3.6 and 3.8."""

    def test_images(self):
        for draw, times in [
            (figure_3_6, 1),
            (figure_3_6, 2),
            (figure_3_6, 5),
            (figure_3_8, 6),
        ]:
            over_time, real = images(times, 9, 8, 6), images(20, 8, 6) / 2
            epochs = list(range(1, times + 1))
            figure = draw(over_time, epochs, real, FOOTER)
            np.testing.assert_array_equal(
                placed(figure)[0], over_time.reshape(-1, 8, 6)
            )
            self.assertEqual(
                texts(figure)[1:], [f'epoch {epoch}' for epoch in epochs]
            )
            self.assertEqual(white_levels(figure), {(0, white_level(real))})

    def test_nothing_overlaps(self):
        for times in 1, 4, 6:
            assert_nothing_overlaps(
                self,
                figure_3_6(
                    images(times, 9, 8, 6),
                    list(range(times)),
                    images(3, 8, 6),
                    FOOTER,
                ),
            )

    def test_places_of_the_grids(self):
        figure = figure_3_6(
            images(6, 9, 8, 8), [1, 4, 8, 12, 16, 20], images(3, 8, 8)
        )
        grids = corners(placed(figure)[1]).reshape(6, 9, 2)
        # Within a grid, images go from left to right, then downwards.
        self.assertEqual(len(set(grids[0, :, 0].round(6))), 3)
        self.assertGreater(grids[0, 1, 0], grids[0, 0, 0])
        self.assertLess(grids[0, 3, 1], grids[0, 0, 1])
        # So do the grids, each below its heading.
        first = grids[:, 0]
        self.assertTrue((np.diff(first[:3, 0]) > 0).all())
        np.testing.assert_allclose(first[3:, 0], first[:3, 0])
        self.assertTrue((first[3:, 1] < grids[:3, 8, 1]).all())
        for grid, heading in zip(grids, figure.texts):
            x, y = heading.get_position()
            self.assertTrue(grid[0, 0] < x < grid[2, 0] + 0.2)
            self.assertGreater(y, grid[0, 1])


class Figure39Test(unittest.TestCase):
    def test_images(self):
        for count in 1, 13, 100:
            real = images(count, 8, 6)
            generated = 2 * images(count, 8, 6, seed=2)
            figure = figure_3_9(real, generated, FOOTER)
            shown, places = placed(figure)
            np.testing.assert_array_equal(shown, [*real, *generated])
            self.assertEqual(texts(figure)[1:], ['real', 'generated'])
            # Generated images have the white level of the real ones.
            self.assertEqual(
                white_levels(figure), {(0, np.percentile(real, 99.8))}
            )
        lefts = {round(place.x0, 6) for place in places}
        self.assertEqual(len(lefts), 20)

    def test_nothing_overlaps(self):
        for count in 2, 16:
            assert_nothing_overlaps(
                self,
                figure_3_9(images(count, 8, 8), images(count, 8, 8), FOOTER),
            )


def noisy(iterations, mean=1.0, spread=0.2, seed=1):
    values = np.random.RandomState(seed).normal(mean, spread, iterations + 1)
    values[0] = np.nan
    return values


def with_outliers(values, **outliers):
    """Replace the value at iteration i for each argument `i{i}=value`."""
    values = values.copy()
    for name, value in outliers.items():
        values[int(name[1:])] = value
    return values


def every(values, steps):
    """Keep only the values at multiples of `steps`."""
    return np.where(np.arange(len(values)) % steps, np.nan, values)


class LossesTest(unittest.TestCase):
    """Figures 3.7 and 3.10."""

    # The losses of both networks, and how many outliers each of them has.
    CASES = {
        'as in the thesis': (noisy(4500), noisy(4500, 3, 1, 2), 0, 0),
        'outliers': (
            with_outliers(noisy(7875, -2), i1=90, i2000=-700, i7875=3e3),
            noisy(7875, 5, 1, 2),
            3,
            0,
        ),
        'outliers of both': (
            with_outliers(noisy(600, -2), i300=50),
            with_outliers(noisy(600, 2), i10=-800, i20=-123456),
            1,
            2,
        ),
        'few points': (
            with_outliers(noisy(60), i30=1e4, i31=2e4),
            every(noisy(60), 5),
            2,
            0,
        ),
        'few generator steps': (noisy(1200), every(noisy(1200), 5), 0, 0),
        '3 iterations': (noisy(3), noisy(3, 5), 0, 0),
        'one iteration': (noisy(1), noisy(1, 5), 0, 0),
        'no generator step': (noisy(3), every(noisy(3), 5), 0, 0),
        'constant': (noisy(700, 0.7, 0), noisy(700, 0.7, 0), 0, 0),
        'zero': (noisy(20, 0, 0), noisy(20, 0, 0), 0, 0),
        'all negative': (noisy(700, -50), noisy(700, -20), 0, 0),
        'huge': (noisy(700, 3e8, 1e8), noisy(700, -2e8, 1e7), 0, 0),
    }

    @classmethod
    def setUpClass(cls):
        # Most of the time goes into drawing, so the tests share the figures.
        cls.drawn = {
            case: cls.draw(case)(*cls.CASES[case][:2], 36, FOOTER)
            for case in cls.CASES
        }

    @classmethod
    def tearDownClass(cls):
        del cls.drawn

    @staticmethod
    def draw(case):
        return figure_3_7 if case == 'as in the thesis' else figure_3_10

    def figures(self):
        for case, (first, second, *outliers) in self.CASES.items():
            with self.subTest(case):
                self.names = (
                    (
                        'discriminator'
                        if self.draw(case) is figure_3_7
                        else 'critic'
                    ),
                    'generator',
                )
                self.curves, self.outliers = (first, second), outliers
                yield self.drawn[case]

    def assert_line(self, line, values):
        where = np.flatnonzero(np.isfinite(values))
        np.testing.assert_array_equal(line.get_xdata(), where)
        np.testing.assert_array_equal(line.get_ydata(), values[where])

    def test_curves(self):
        for figure in self.figures():
            (axes,) = figure.axes
            for values, name in zip(self.curves, self.names):
                (named,) = [
                    line for line in axes.lines if line.get_label() == name
                ]
                of_network = [
                    line
                    for line in axes.lines
                    if line.get_color() == named.get_color()
                    and line.get_linestyle() == '-'
                ]
                # A long curve has a thin line of all values in addition.
                self.assertEqual(
                    len(of_network), 2 if len(values) > 500 else 1
                )
                self.assert_line(of_network[0], values)

    def test_running_median(self):
        first, second, *_ = self.CASES['few generator steps']
        (axes,) = figure_3_10(first, second, 36).axes
        self.assertIn('(thick: median over 13 iterations)', axes.get_ylabel())
        lines = {line.get_label(): line for line in axes.lines}
        for name, values in [('critic', first), ('generator', second)]:
            self.assert_line(
                lines[name],
                np.array(
                    [
                        np.nanmedian(values[max(0, i - 6) : i + 7])
                        if np.isfinite(value)
                        else np.nan
                        for i, value in enumerate(values)
                    ]
                ),
            )

    def test_everything_but_outliers_is_within_the_limits(self):
        for figure in self.figures():
            (axes,) = figure.axes
            low, high = axes.get_ylim()
            outside = [
                (values < low) | (values > high) for values in self.curves
            ]
            self.assertEqual([out.sum() for out in outside], self.outliers)
            # The curves take up a good part of the height.
            inside = np.concatenate(
                [
                    values[~out & np.isfinite(values)]
                    for values, out in zip(self.curves, outside)
                ]
            )
            if np.ptp(inside) > 0:
                self.assertGreater(np.ptp(inside) / (high - low), 0.3)

    def test_outliers_are_marked_and_counted(self):
        for figure in self.figures():
            (axes,) = figure.axes
            low, high = axes.get_ylim()
            labels = [
                text.get_text() for text in figure.legends[0].get_texts()
            ]
            self.assertEqual(labels[:2], list(self.names))
            counts = labels[2:]
            for values, name, outliers in zip(
                self.curves, self.names, self.outliers
            ):
                (color,) = [
                    line.get_color()
                    for line in axes.lines
                    if line.get_label() == name
                ]
                for marker, beyond in [
                    ('^', values > high),
                    ('v', values < low),
                ]:
                    places = [
                        line.get_xdata()
                        for line in axes.lines
                        if line.get_marker() == marker
                        and line.get_color() == color
                    ]
                    np.testing.assert_array_equal(
                        np.concatenate(places or [[]]), np.flatnonzero(beyond)
                    )
                if outliers:
                    noun = 'value' if outliers == 1 else 'values'
                    self.assertTrue(
                        counts.pop(0).startswith(f'{name}: {outliers} {noun} ')
                    )
            self.assertEqual(counts, [])

    def test_limits_of_a_constant_loss(self):
        """They are on both sides of it and cause no warning."""
        for value in -3, 0, 5:
            losses = np.full(9, float(value))
            with warnings.catch_warnings():
                warnings.simplefilter('error')
                (axes,) = figure_3_7(losses, losses, 4).axes
            low, high = axes.get_ylim()
            self.assertTrue(low < value < high)

    def test_legend_gives_the_range_of_outliers(self):
        first, second, *_ = self.CASES['outliers']
        figure = figure_3_10(first, second, 225)
        self.assertEqual(
            figure.legends[0].get_texts()[2].get_text(),
            'critic: 3 values beyond the axis (−700 to 3,000)',
        )

    def test_axes(self):
        for figure in self.figures():
            assert_nothing_overlaps(self, figure)
            (axes,) = figure.axes
            iterations = len(self.curves[0]) - 1
            self.assertEqual(axes.get_xlim(), (0, iterations))
            self.assertEqual(axes.get_xlabel(), 'iteration')
            self.assertTrue(axes.get_ylabel().startswith('loss'))
            by_epoch = axes.child_axes[0]
            self.assertEqual(by_epoch.get_xlabel(), 'epoch')
            np.testing.assert_allclose(
                by_epoch.get_xlim(), (0, iterations / 36)
            )
            legend = figure.legends[0].get_window_extent()
            self.assertGreater(
                legend.y0, by_epoch.xaxis.label.get_window_extent().y1
            )
