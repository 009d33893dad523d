import os
import unittest

import numpy as np
from matplotlib import rcParams
from matplotlib.image import imread

from kneerepro.figures.cae3d import figure_3_4, figure_3_5
from kneerepro.figures.style import new_figure, save_png, show_image, window
from tests.folders import FolderTest


def images(*shape, seed=1):
    return np.random.RandomState(seed).rand(*shape).astype('float32')


def texts(figure):
    return [text.get_text() for text in figure.texts]


def shown(axes):
    """What an axes shows as images."""
    return [image.get_array().data for image in axes.get_images()]


class Figure34Test(unittest.TestCase):
    def draw(self, patients=3, slides=3, epochs=(1, 20, 40), **kwargs):
        self.truth = images(patients, slides, 8, 6)
        self.reconstruction = images(patients, slides, 8, 6, seed=2)
        self.over_time = images(1 + len(epochs), 8, 6, seed=3)
        return figure_3_4(
            self.truth, self.reconstruction,
            [f'test {i}' for i in range(patients)],
            [10 * (i + 1) for i in range(slides)], self.over_time,
            list(epochs), **kwargs)

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
        self.assertEqual(titles[18:], ['ground truth', 'epoch 1', 'epoch 20',
                                       'epoch 40'])
        self.assertEqual([axes.get_ylabel() for axes in figure.axes[::6][:3]],
                         ['test 0', 'test 1', 'test 2'])
        self.assertEqual(
            set(texts(figure)),
            {'slide 10', 'slide 20', 'slide 30', 'the small print',
             'Slide 20 of test 0 over training time'})

    def test_reconstructions_are_shown_as_bright_as_they_are(self):
        figure = self.draw()
        limits = {image.get_clim() for axes in figure.axes[:18]
                  for image in axes.get_images()}
        (low, high), = limits
        self.assertEqual(low, 0)
        self.assertAlmostEqual(high, np.percentile(self.truth, 99.8))

    def test_smaller(self):
        for patients, slides, epochs in [(1, 3, (1,)), (2, 3, (1, 2)),
                                         (1, 1, (1,))]:
            figure = self.draw(patients, slides, epochs)
            self.assert_shows_all(figure)
            self.assertEqual(len(figure.axes),
                             2 * patients * slides + 1 + len(epochs))

    def test_nothing_overlaps(self):
        figure = self.draw(footer='the small print')
        figure.canvas.draw()
        boxes = [axes.get_window_extent() for axes in figure.axes]
        boxes += [text.get_window_extent() for text in figure.texts]
        for i, box in enumerate(boxes):
            self.assertTrue(figure.bbox.containsx(box.x0)
                            and figure.bbox.containsx(box.x1)
                            and figure.bbox.containsy(box.y0)
                            and figure.bbox.containsy(box.y1))
            for other in boxes[:i]:
                self.assertFalse(box.overlaps(other))


class Figure35Test(unittest.TestCase):
    def draw(self, iterations_per_epoch=4, epochs=10, insets=(1, 4, 8),
             left_over=0, **kwargs):
        rng = np.random.RandomState(1)
        self.train = rng.rand(iterations_per_epoch * epochs + left_over)
        self.test = rng.rand(epochs + 1)
        self.insets = images(len(insets), 8, 6)
        return figure_3_5(self.train, self.test, iterations_per_epoch,
                          self.insets, list(insets), **kwargs)

    def assert_lines(self, figure, iterations_per_epoch):
        axes, = figure.axes
        train, test = [line.get_data() for line in axes.get_lines()]
        np.testing.assert_array_equal(train[1], self.train)
        np.testing.assert_array_equal(test[1], self.test)
        np.testing.assert_array_equal(train[0],
                                      np.arange(len(self.train)) + 1)
        np.testing.assert_array_equal(
            test[0], np.arange(len(self.test)) * iterations_per_epoch)
        # All of both is seen.
        low, high = axes.get_ylim()
        self.assertLessEqual(low, 0)
        self.assertGreater(high, max(self.train.max(), self.test.max()))
        self.assertEqual(axes.get_xlim(), (0, len(self.train)))

    def test_curves(self):
        figure = self.draw(footer='the small print')
        self.assert_lines(figure, 4)
        axes, = figure.axes
        self.assertEqual([text.get_text()
                          for text in axes.get_legend().get_texts()],
                         ['training set, each minibatch',
                          'test set, each epoch'])
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()),
                         ('iteration', 'mean squared error'))
        self.assertEqual(texts(figure), ['the small print'])

    def test_epochs_above_iterations(self):
        figure = self.draw()
        figure.canvas.draw()
        by_epoch = figure.axes[0].child_axes[0]
        self.assertEqual(by_epoch.get_xlabel(), 'epoch')
        np.testing.assert_allclose(by_epoch.get_xlim(), (0, 10))

    def test_insets(self):
        figure = self.draw()
        insets = figure.axes[0].child_axes[1:]
        self.assertEqual([axes.get_title() for axes in insets],
                         ['epoch 1', 'epoch 4', 'epoch 8'])
        np.testing.assert_array_equal([shown(axes)[0] for axes in insets],
                                      self.insets)
        ends = [artist.xy2 for artist in figure.axes[0].patches]
        self.assertEqual(ends, [(4, self.test[1]), (16, self.test[4]),
                                (32, self.test[8])])

    def test_shorter(self):
        for per_epoch, epochs, insets, left_over in [
                (1, 1, (1,), 0), (4, 2, (1, 2), 0), (4, 3, (1,), 2),
                (3, 5, (), 0)]:
            figure = self.draw(per_epoch, epochs, insets, left_over)
            self.assert_lines(figure, per_epoch)
            figure.canvas.draw()


class StyleTest(FolderTest):
    def test_png(self):
        path = self.path('new', 'figure.png')
        save_png(new_figure(3, 2, 'small print'), path)
        image = imread(path)
        self.assertEqual(image.shape, (400, 600, 4))
        self.assertEqual(os.listdir(self.path('new')), ['figure.png'])
        # The small print is at the bottom, and nothing else is there.
        rows = np.flatnonzero((image[..., :3] < 1).any(axis=(1, 2)))
        self.assertGreater(rows.min(), 360)
        self.assertLess(rows.max(), 400)
        content = self.read('new/figure.png')
        save_png(new_figure(3, 2, 'small print'), path)
        self.assertEqual(self.read('new/figure.png'), content)

    def test_settings_of_others_stay(self):
        before = dict(rcParams)
        figure_3_5(np.ones(4), np.ones(2), 4, images(1, 8, 6), [1])
        self.assertEqual(dict(rcParams), before)

    def test_image_has_no_ticks(self):
        axes = new_figure(2, 2).add_subplot()
        show_image(axes, images(4, 4))
        self.assertEqual(list(axes.get_xticks()) + list(axes.get_yticks()),
                         [])

    def test_window(self):
        image = np.full((100, 100), 0.3)
        image[0, :10] = 1  # a vessel
        self.assertAlmostEqual(window(image), 0.3)
        self.assertGreater(window(np.zeros((4, 4))), 0)
