import unittest

import numpy as np

from kneerepro.figures.losses import autoencoder_losses
from kneerepro.figures.style import styled
from tests.figures.inspection import (
    FOOTER,
    assert_nothing_overlaps,
    images,
    shown,
)


def losses(iterations, per_epoch, start=0.12, end=0.002, fall=0.02):
    """The losses of a training: of minibatches, the whole test set and the
    first ten test images. They fall over a fraction `fall` of the training.
    """
    index = np.arange(iterations + 1)
    noise = np.random.RandomState(1).normal(size=(2, iterations + 1))
    curve = end + (start - end) * np.exp(-index / (fall * iterations))
    train, first_ten = curve * (1 + 0.05 * noise)
    train[0] = first_ten[0] = np.nan
    test = np.where(
        (index % per_epoch == 0) | (index == iterations), curve, np.nan
    )
    return train, test, first_ten


def with_interval(curves, interval):
    """The same curves, with a value of the third every `interval`
    iterations.
    """
    train, test, first_ten = curves
    here = np.arange(len(train)) % interval == 0
    return train, test, np.where(here, first_ten, np.nan)


class AutoencoderLossesTest(unittest.TestCase):
    # Curves, iterations per epoch, epochs of the insets.
    CASES = {
        'as in the thesis': (losses(21700, 217), 217, [20, 40, 80]),
        'longest': (losses(22500, 225), 225, [1, 2, 100]),
        'slow': (losses(600, 20, fall=0.5), 20, [1, 12, 24]),
        'constant': (losses(60, 6, 0.1, 0.1), 6, [2, 4, 8]),
        'rising': (losses(60, 6, 0.01, 0.3, 0.5), 6, [1, 4, 10]),
        'falls at the end': (
            [np.r_[curve[:-1], 0.01] for curve in losses(60, 6, 0.1, 0.1)],
            6,
            [1, 4, 10],
        ),
        'one epoch': (losses(36, 36), 36, [1]),
        '3 epochs': (losses(3, 1), 1, [1, 2, 3]),
        'part of an epoch': (losses(3, 36), 36, [1]),
        'one iteration': (losses(1, 36), 36, [1]),
        'no insets': (losses(60, 6, 0.1, 0.1), 6, []),
        'all the same': (np.ones((3, 5)), 4, [1]),
        'zero': (np.zeros((3, 11)), 5, [1, 2]),
        'tiny': (losses(60, 6, 3e-7, 1e-7), 6, [1]),
        'first ten at intervals': (
            with_interval(losses(600, 20), 40),
            20,
            [1, 30],
        ),
        'low': (losses(600, 20, 0.017, 0.004), 20, [1, 12, 24]),
    }
    BASELINES = {}

    @classmethod
    def setUpClass(cls):
        # Most of the time goes into drawing, so the tests share the figures.
        cls.drawn = {case: cls.draw(*cls.CASES[case]) for case in cls.CASES}

    @classmethod
    def tearDownClass(cls):
        del cls.drawn

    @classmethod
    def draw(cls, curves, per_epoch, epochs):
        figure = styled(autoencoder_losses)(
            *curves,
            per_epoch,
            images(len(epochs), 8, 6),
            epochs,
            FOOTER,
            'images',
            cls.BASELINES,
        )
        figure.canvas.draw()
        return figure

    def figure(self, case):
        self.curves, self.per_epoch, self.epochs = self.CASES[case]
        self.insets = images(len(self.epochs), 8, 6)
        return self.drawn[case]

    def figures(self):
        for case in self.CASES:
            with self.subTest(case):
                yield self.figure(case)

    def test_curves(self):
        for case, figure in zip(self.CASES, self.figures()):
            train, first_ten, test, *baselines = figure.axes[0].lines
            for line, (name, value) in zip(baselines, self.BASELINES.items()):
                np.testing.assert_array_equal(line.get_ydata(), [value] * 2)
                np.testing.assert_array_equal(
                    line.get_xdata(), [0, len(self.curves[0]) - 1]
                )
                self.assertEqual(line.get_label(), f'{name} ({value:.2g})')
            self.assertEqual(len(baselines), len(self.BASELINES))
            lines = train, test, first_ten
            for line, values in zip(lines, self.curves):
                where = np.flatnonzero(~np.isnan(values))
                np.testing.assert_array_equal(line.get_xdata(), where)
                np.testing.assert_array_equal(line.get_ydata(), values[where])
                # A few values are drawn as points.
                self.assertEqual(line.get_marker() == 'o', len(where) <= 12)
            how_often = (
                'every 40 iterations'
                if case == 'first ten at intervals'
                else 'each iteration'
            )
            for line, name in zip(
                lines,
                [
                    'training set, each minibatch',
                    'whole test set, each epoch',
                    f'first ten test images, {how_often}',
                ],
            ):
                values = line.get_ydata()
                self.assertEqual(
                    line.get_label(),
                    f'{name} (at the end {values[-1]:.2g})'
                    if len(values)
                    else name,
                )
            self.assertGreater(test.get_linewidth(), train.get_linewidth())

    def test_axes(self):
        for figure in self.figures():
            assert_nothing_overlaps(self, figure)
            (axes,) = figure.axes
            iterations = len(self.curves[0]) - 1
            self.assertEqual(axes.get_xlim(), (0, iterations))
            low, high = axes.get_ylim()
            self.assertEqual(low, 0)
            self.assertGreater(high, np.nanmax(self.curves))
            self.assertEqual(
                (axes.get_xlabel(), axes.get_ylabel()),
                ('iteration', 'mean squared error (intensities from 0 to 1)'),
            )
            by_epoch = axes.child_axes[0]
            self.assertEqual(by_epoch.get_xlabel(), 'epoch')
            np.testing.assert_allclose(
                by_epoch.get_xlim(), (0, iterations / self.per_epoch)
            )

    def test_insets(self):
        for figure in self.figures():
            (axes,) = figure.axes
            insets = axes.child_axes[1:]
            self.assertEqual(
                [inset.get_title() for inset in insets],
                [f'epoch {epoch}' for epoch in self.epochs],
            )
            for inset, image in zip(insets, self.insets):
                np.testing.assert_array_equal(shown(inset), [image])
            self.assertLessEqual(
                len({inset.images[0].get_clim() for inset in insets}), 1
            )
            places = [
                min(epoch * self.per_epoch, len(self.curves[0]) - 1)
                for epoch in self.epochs
            ]
            self.assertEqual(
                [line.xy2 for line in axes.patches],
                [(place, self.curves[1][place]) for place in places],
            )

    def test_insets_are_near_their_epochs(self):
        (axes,) = self.figure('as in the thesis').axes
        for inset, epoch in zip(axes.child_axes[1:], self.epochs):
            box = inset.get_window_extent().transformed(
                axes.transData.inverted()
            )
            self.assertAlmostEqual(
                (box.x0 + box.x1) / 2, 217 * epoch, delta=20
            )

    def test_insets_and_legend_cover_no_curve(self):
        for figure in self.figures():
            (axes,) = figure.axes
            boxes = [axes.get_legend().get_window_extent()]
            for inset in axes.child_axes[1:]:
                boxes += [
                    inset.get_window_extent(),
                    inset.title.get_window_extent(),
                ]
            for line in axes.lines:
                x, y = axes.transData.transform(line.get_xydata()).T
                dense = np.union1d(x, np.arange(x[0], x[-1], 0.25))
                for box in boxes:
                    inside = box.count_contains(
                        np.stack([dense, np.interp(dense, x, y)], axis=1)
                    )
                    self.assertEqual(inside, 0)
            for inset in axes.child_axes[1:]:
                self.assertFalse(boxes[0].overlaps(inset.get_window_extent()))

    def test_repeated_epoch_is_shown_once(self):
        figure = autoencoder_losses(
            *losses(4, 4), 4, images(2, 8, 6), [1, 1], None, 'images', {}
        )
        self.assertEqual(len(figure.axes[0].child_axes), 2)


class BaselinesTest(AutoencoderLossesTest):
    # Those that leave the least room for a larger legend.
    CASES = {
        case: AutoencoderLossesTest.CASES[case]
        for case in (
            'as in the thesis',
            'slow',
            'constant',
            'rising',
            'one iteration',
            'no insets',
            'zero',
            'low',
        )
    }
    BASELINES = {
        'mean of the training set': 0.0078,
        '100 principal components of the training set': 0.0049,
    }
