import os
import unittest

import numpy as np
from matplotlib import rcParams
from matplotlib.image import imread

from kneerepro.figures.cae3d import figure_3_4, figure_3_5
from kneerepro.figures.style import (
    FOOTER,
    new_figure,
    save_figure,
    save_tiles,
    show_image,
    window,
)
from tests.folders import FolderTest

FOOTER_TEXT = (
    "kneerepro 0.1.0: preset quick, not the thesis's; synthetic knees, 1,152 "
    'training and 44 test images of 64 x 64; 0.125 of the filters (thesis: '
    '1); batch 32 (thesis: 128); epochs 60 (thesis: 100); α 0.001 (thesis: '
    '0.0001); torch engine, cpu'
)


def images(*shape, seed=1):
    return np.random.RandomState(seed).rand(*shape).astype('float32')


def texts(figure):
    return [text.get_text() for text in figure.texts]


def shown(axes):
    """What an axes shows as images."""
    return [image.get_array().data for image in axes.get_images()]


def all_axes(figure):
    """Those in others, too."""
    found = list(figure.axes)
    for axes in found:
        found += axes.child_axes
    return found


def seen_texts(figure):
    """All that is written on a figure that has been drawn."""
    found = list(figure.texts)
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in all_axes(figure):
        found += [axes.title, *axes.texts]
        if axes.get_legend():
            found += axes.get_legend().get_texts()
        for axis in axes.xaxis, axes.yaxis:
            low, high = sorted(axis.get_view_interval())
            found += [axis.label, axis.get_offset_text()]
            for tick in axis.get_major_ticks():
                if low <= tick.get_loc() <= high:
                    found += [tick.label1, tick.label2]
    return [
        text
        for text in found
        if text.get_visible() and text.get_text().strip()
    ]


def assert_nothing_overlaps(case, figure):
    """No two texts or images overlap, all are on the figure, and but for the
    small print nothing is where that belongs."""
    figure.canvas.draw()
    boxes = [
        (axes.get_title() or 'image', axes.get_window_extent())
        for axes in all_axes(figure)
        if axes.get_images()
    ]
    boxes += [
        (text.get_text(), text.get_window_extent())
        for text in seen_texts(figure)
    ]
    for i, (name, box) in enumerate(boxes):
        case.assertGreaterEqual(box.x0, 0, name)
        case.assertLessEqual(box.x1, figure.bbox.x1, name)
        case.assertGreaterEqual(box.y0, 0, name)
        case.assertLessEqual(box.y1, figure.bbox.y1, name)
        if not name.startswith('kneerepro'):
            case.assertGreater(box.y0, FOOTER * figure.dpi - 0.5, name)
        for other, other_box in boxes[:i]:
            case.assertFalse(
                box.padded(-0.5).overlaps(other_box), f'{name} and {other}'
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
        figure = self.draw(footer='the small print')
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
                'the small print',
                'Slide 20 of test 0 over training time',
            },
        )

    def test_reconstructions_are_shown_as_bright_as_they_are(self):
        figure = self.draw()
        limits = {
            image.get_clim()
            for axes in figure.axes[:18]
            for image in axes.get_images()
        }
        ((low, high),) = limits
        self.assertEqual(low, 0)
        self.assertAlmostEqual(high, np.percentile(self.truth, 99.8))

    def test_smaller(self):
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
                self, self.draw(patients, slides, epochs, footer=FOOTER_TEXT)
            )

    def test_long_names(self):
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
        """The rest is tested of Figure 3.3, which shares it."""
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
        figure = figure_3_5(*curves, 2, over_time, [1, 3], FOOTER_TEXT)
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


class StyleTest(FolderTest):
    def test_files(self):
        path = self.path('new', 'figure')
        os.mkdir(self.path('new'))
        paths = save_figure(new_figure(3, 2, 'small print'), path)
        self.assertEqual(paths, [path + '.png', path + '.pdf'])
        self.assertEqual(
            sorted(os.listdir(self.path('new'))), ['figure.pdf', 'figure.png']
        )
        image = imread(paths[0])
        self.assertEqual(image.shape, (400, 600, 4))
        # The small print is at the bottom, and nothing else is there.
        rows = np.flatnonzero((image[..., :3] < 1).any(axis=(1, 2)))
        self.assertGreater(rows.min(), 360)
        self.assertLess(rows.max(), 400)
        contents = [self.read(f'new/figure.{kind}') for kind in ('png', 'pdf')]
        save_figure(new_figure(3, 2, 'small print'), path)
        self.assertEqual(
            [self.read(f'new/figure.{kind}') for kind in ('png', 'pdf')],
            contents,
        )

    def test_tiles(self):
        tiles = images(2, 3, 4, 5)
        save_tiles(tiles, self.path('tiles.png'))
        image = imread(self.path('tiles.png'))
        self.assertEqual(image.shape[:2], (8, 15))
        np.testing.assert_allclose(image[4:, 10:, 0], tiles[1, 2], atol=0.01)

    def test_room_for_small_print(self):
        """Long as it is, it keeps to its place, and is whole."""
        for width, repeat in (5, 1), (7, 1), (7, 2):
            footer = FOOTER_TEXT * repeat
            figure = new_figure(width, 2, footer)
            (text,) = figure.texts
            self.assertEqual(text.get_text().replace('\n', ' '), footer)
            self.assertLessEqual(text.get_text().count('\n'), 2)
            box = text.get_window_extent(figure.canvas.get_renderer())
            self.assertGreater(box.y0, 0)
            self.assertLess(box.y1, FOOTER * figure.dpi)
            self.assertGreater(box.x0, 0)
            self.assertLess(box.x1, width * figure.dpi)

    def test_small_print_breaks_between_facts(self):
        facts = [f'width {i / 8} (thesis: 1)' for i in range(9)]
        (text,) = new_figure(7, 2, '; '.join(facts)).texts
        lines = text.get_text().split('\n')
        self.assertGreater(len(lines), 1)
        self.assertEqual(
            [fact for line in lines for fact in line.strip(';').split('; ')],
            facts,
        )

    def test_settings_of_others_stay(self):
        before = dict(rcParams)
        figure_3_5(*np.ones((3, 5)), 4, images(1, 8, 6), [1])
        self.assertEqual(dict(rcParams), before)

    def test_image_has_no_ticks(self):
        axes = new_figure(2, 2).add_subplot()
        show_image(axes, images(4, 4))
        self.assertEqual(list(axes.get_xticks()) + list(axes.get_yticks()), [])

    def test_window(self):
        image = np.full((100, 100), 0.3)
        image[0, :10] = 1  # a vessel
        self.assertAlmostEqual(window(image), 0.3)
        self.assertGreater(window(np.zeros((4, 4))), 0)
