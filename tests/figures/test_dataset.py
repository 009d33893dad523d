import unittest

import numpy as np

from kneerepro.figures.dataset import figure_2_1, figure_2_2, figure_3_1
from tests.figures.inspection import placed

# The value of each voxel is its position from right to left, from front to
# back, and from head to foot.
X, Y, Z = np.meshgrid(
    np.arange(10), np.arange(20), np.arange(30), indexing='ij'
)


def panels(figure):
    return {axes.get_title(): axes for axes in figure.axes}


def shown(axes):
    return np.asarray(axes.images[0].get_array())


class Figure21Test(unittest.TestCase):
    def test_planes(self):
        """The views do not depend on how the series is stored."""
        for values in X, Y, Z:
            for order, directions in [
                ((0, 2, 1), 'RLSIAP'),
                ((2, 1, 0), 'SIAPRL'),
                ((1, 2, 0), 'APSIRL'),
            ]:
                volume = values.transpose(order)
                for flips in [], [0], [1, 2]:
                    letters = ''.join(
                        pair[::-1] if axis in flips else pair
                        for axis, pair in enumerate(
                            [directions[:2], directions[2:4], directions[4:]]
                        )
                    )
                    figure = figure_2_1(
                        np.flip(volume, flips),
                        (1, 1, 1),
                        letters,
                        at=(0.3, 0.5, 0.9),
                    )
                    found = panels(figure)
                    np.testing.assert_array_equal(
                        shown(found['sagittal']), values[3].T
                    )
                    np.testing.assert_array_equal(
                        shown(found['axial']), values[:, :, 27].T
                    )
                    np.testing.assert_array_equal(
                        shown(found['coronal']), values[:, 10].T
                    )

    def test_true_proportions(self):
        figure = figure_2_1(X.transpose(0, 2, 1), (2, 0.5, 0.5), 'RLSIAP')
        width, height = figure.get_size_inches()
        scales = []
        for title, wide, tall in [
            ('sagittal', 10, 15),
            ('axial', 20, 10),
            ('coronal', 20, 15),
        ]:
            box = panels(figure)[title].get_position()
            scales += [box.width * width / wide, box.height * height / tall]
        np.testing.assert_allclose(scales, scales[0])

    def test_lines_show_the_other_planes(self):
        figure = figure_2_1(
            X.transpose(0, 2, 1), (2, 0.5, 0.25), 'RLSIAP', at=(0.3, 0.5, 0.9)
        )
        for title, u, v in [
            ('sagittal', 2.625, 13.75),
            ('axial', 7, 2.625),
            ('coronal', 7, 13.75),
        ]:
            vertical, horizontal = panels(figure)[title].lines[:2]
            np.testing.assert_allclose(vertical.get_xdata(), u)
            np.testing.assert_allclose(horizontal.get_ydata(), v)

    def test_letters_of_the_directions(self):
        figure = figure_2_1(X.transpose(0, 2, 1), (1, 1, 1), 'RLSIAP')
        for title, letters in [
            ('sagittal', 'APIS'),
            ('axial', 'RLPA'),
            ('coronal', 'RLIS'),
        ]:
            texts = [
                text
                for text in panels(figure)[title].texts
                if len(text.get_text()) == 1
            ]
            places = {text.get_text(): text.get_position() for text in texts}
            left, right, bottom, top = letters
            self.assertLess(places[left][0], places[right][0])
            self.assertLess(places[bottom][1], places[top][1])


class SheetTest(unittest.TestCase):
    IMAGES = np.random.RandomState(1).rand(160, 8, 8).astype('float32')

    def test_all_slides_in_order(self):
        figure = figure_2_2(self.IMAGES, 'footer')
        shown, places = placed(figure)
        np.testing.assert_array_equal(shown, self.IMAGES)
        first, second, below = places[0], places[1], places[16]
        self.assertGreater(second.x0, first.x1)
        self.assertLess(below.y1, first.y0)
        self.assertAlmostEqual(below.x0, first.x0)
        footer, *numbers = figure.texts
        self.assertEqual(footer.get_text(), 'footer')
        self.assertEqual(
            [text.get_text() for text in numbers],
            [str(n) for n in range(1, 161, 16)],
        )
        # Each stands to the left of its row, at half its height.
        for number, place in zip(numbers, places[::16]):
            x, y = number.get_position()
            self.assertTrue(0 < x < place.x0)
            self.assertAlmostEqual(y, (place.y0 + place.y1) / 2)

    def test_other_depths(self):
        for depth in 1, 7, 33:
            figure = figure_2_2(self.IMAGES[:depth])
            places = placed(figure)[1]
            self.assertEqual(len(places), depth)
            for box in places:
                self.assertTrue(0 <= box.x0 < box.x1 <= 1, box)
                self.assertTrue(0 <= box.y0 < box.y1 <= 1, box)

    def test_randomly_selected_images(self):
        figure = figure_3_1(self.IMAGES[:25, None])
        shown, places = placed(figure)
        np.testing.assert_array_equal(shown, self.IMAGES[:25])
        lefts = {round(place.x0, 6) for place in places}
        self.assertEqual(len(lefts), 5)
