import unittest

import numpy as np

from kneerepro.figures.prediction import figure_of_classes, figure_of_numbers

CURVES = {
    'code': [(5, (0.1, 0.3)), (10, (0.5, 0.7))],
    'mean': [(5, (0.0, -0.2)), (10, (0.0, 0.0))],
}


class PredictionTest(unittest.TestCase):
    def check_curves(self, figure):
        _, axes = figure.axes
        self.assertEqual(axes.get_ylabel(), 'R²')
        np.testing.assert_allclose(
            axes.lines[0].get_xydata(), [(5, 0.2), (10, 0.6)]
        )
        self.assertEqual(
            [text.get_text() for text in axes.get_legend().get_texts()],
            list(CURVES),
        )
        self.assertLess(axes.get_ylim()[0], -0.05)

    def test_numbers(self):
        labels, predicted = np.array([70.0, 80, 90]), np.array([72.0, 80, 85])
        figure = figure_of_numbers(
            'width', labels, predicted, 'from the code', 'R²', CURVES, 'footer'
        )
        axes = figure.axes[0]
        self.assertEqual(axes.get_xlim(), axes.get_ylim())
        # The identity goes from corner to corner.
        np.testing.assert_allclose(axes.lines[0].get_xdata(), axes.get_xlim())
        np.testing.assert_allclose(
            axes.collections[0].get_offsets(),
            np.stack([labels, predicted], 1),
        )
        self.check_curves(figure)

    def test_classes(self):
        figure = figure_of_classes(
            'side',
            ['LEFT', 'RIGHT'],
            np.array([0, 0, 0, 1]),
            np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]),
            'from the code',
            'R²',
            CURVES,
        )
        axes = figure.axes[0]
        np.testing.assert_allclose(
            axes.images[0].get_array(), [[2 / 3, 1 / 3], [0, 1]]
        )
        self.assertEqual(
            [text.get_text() for text in axes.texts], ['2', '1', '0', '1']
        )
        self.check_curves(figure)
