import unittest

import numpy as np

from kneerepro.figures import latent
from tests.figures.inspection import placed


class InterpolationTest(unittest.TestCase):
    def test_planes_of_volumes(self):
        rng = np.random.RandomState(0)
        rows = {
            'sagittal': list(rng.rand(3, 8, 8)),
            'coronal': list(rng.rand(3, 8, 20)),
        }
        figure = latent.interpolation(
            rows,
            ['first', '50%', 'last'],
            {'sagittal': 1, 'coronal': 1.25},
            'footer',
        )
        shown, places = placed(figure)
        self.assertEqual(len(shown), 6)
        width, height = figure.get_size_inches()
        for i, (name, proportion) in enumerate(
            (('sagittal', 1), ('coronal', 1.25))
        ):
            np.testing.assert_array_equal(shown[3 * i : 3 * i + 3], rows[name])
            for box in places[3 * i : 3 * i + 3]:
                self.assertAlmostEqual(
                    box.height * height / (box.width * width), proportion
                )
                self.assertTrue(0 < box.x0 < box.x1 < 1)
                self.assertTrue(0 < box.y0 < box.y1 < 1)
        texts = [text.get_text() for text in figure.texts]
        for text in 'first', '50%', 'last', 'sagittal', 'coronal':
            self.assertIn(text, texts)


class CodesTest(unittest.TestCase):
    plane = np.array([[0, 1.0], [1, 2], [2, 0], [3, 3]])
    explained = np.array([0.6, 0.3])

    def test_numbers(self):
        figure = latent.codes_by_label(
            self.plane, self.explained, 'width', np.array([80, 75, np.nan, 90])
        )
        unknown, known = figure.axes[0].collections
        np.testing.assert_array_equal(unknown.get_offsets(), [[2, 0]])
        np.testing.assert_array_equal(
            known.get_offsets(), self.plane[[0, 1, 3]]
        )
        np.testing.assert_array_equal(known.get_array(), [80, 75, 90])
        self.assertEqual(figure.axes[1].get_ylabel(), 'width')
        self.assertIn('60%', figure.axes[0].get_xlabel())

    def test_classes(self):
        figure = latent.codes_by_label(
            self.plane,
            self.explained,
            'side',
            np.array([0, 1, 1, np.nan]),
            ['LEFT', 'RIGHT'],
        )
        (axes,) = figure.axes
        _, left, right = axes.collections
        np.testing.assert_array_equal(left.get_offsets(), self.plane[:1])
        np.testing.assert_array_equal(right.get_offsets(), self.plane[1:3])
        self.assertEqual(
            [text.get_text() for text in axes.get_legend().get_texts()],
            ['LEFT', 'RIGHT'],
        )
