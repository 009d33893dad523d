import unittest

import numpy as np

from kneerepro.figures.curves_together import curves_together
from kneerepro.figures.style import BLUE, ORANGE


class CurvesTogetherTest(unittest.TestCase):
    def test_a_plot_for_each_loss(self):
        first = np.array([np.nan, 0.4, 0.2])
        figure = curves_together(
            {
                'Training set': {'a': first, 'b': np.linspace(1, 0, 5)},
                'Test set': {'b': np.array([0.3, np.nan, 0.1])},
            },
            {'a': BLUE, 'b': ORANGE},
        )
        below, above = figure.axes
        self.assertEqual(above.get_title(loc='left'), 'Training set')
        self.assertEqual(below.get_title(loc='left'), 'Test set')
        self.assertGreater(above.get_position().y0, below.get_position().y1)
        self.assertEqual(above.get_xlim(), (0, 4))
        a, b = above.lines
        np.testing.assert_array_equal(a.get_xydata(), [[1, 0.4], [2, 0.2]])
        self.assertEqual((a.get_color(), b.get_color()), (BLUE, ORANGE))
        self.assertEqual(len(below.lines), 1)
        (legend,) = figure.legends
        self.assertEqual(
            [text.get_text() for text in legend.get_texts()], ['a', 'b']
        )
