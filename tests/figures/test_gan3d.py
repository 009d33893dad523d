import unittest

import numpy as np

from kneerepro.figures.gan3d import (
    real_and_generated_volumes,
    volumes_over_time,
)
from kneerepro.figures.planes import PROPORTIONS
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

PLANES = {'sagittal': (8, 6), 'coronal': (8, 5), 'axial': (6, 5)}


def planes(*count, seed=1):
    """Random planes of volumes of 5 x 8 x 6."""
    return {
        name: images(*count, *shape, seed=seed)
        for name, shape in PLANES.items()
    }


class GAN3DTest(unittest.TestCase):
    def assert_shows(self, figure, groups, vmax):
        """The figure has these groups of planes, in order."""
        expected = [
            image
            for group in groups
            for name in PLANES
            for image in group[name]
        ]
        shown, places = placed(figure)
        self.assertEqual(len(shown), len(expected))
        for image, other in zip(shown, expected):
            np.testing.assert_array_equal(image, other)
        self.assertEqual(white_levels(figure), {(0, vmax)})
        width, height = figure.get_size_inches()
        proportions = {
            round(place.height * height / (place.width * width), 6)
            for place in places
        }
        self.assertEqual(proportions, set(PROPORTIONS.values()))

    def test_over_time(self):
        real = planes(4)
        vmax = white_level(
            np.concatenate([np.ravel(part) for part in real.values()])
        )
        for times in 1, 2, 6:
            over_time = planes(times, 9)
            epochs = list(range(3, 3 + times))
            figure = volumes_over_time(over_time, epochs, real, FOOTER)
            self.assert_shows(
                figure,
                [
                    {name: over_time[name][i] for name in PLANES}
                    for i in range(times)
                ],
                vmax,
            )
            self.assertEqual(
                texts(figure)[1:],
                [
                    text
                    for epoch in epochs
                    for text in (f'epoch {epoch}', *PLANES)
                ],
            )
            assert_nothing_overlaps(self, figure)

    def test_real_and_generated(self):
        for count in 1, 5, 9:
            real, generated = planes(count), planes(9, seed=2)
            figure = real_and_generated_volumes(real, generated, FOOTER)
            self.assert_shows(
                figure,
                [real, generated],
                white_level(
                    np.concatenate([np.ravel(part) for part in real.values()])
                ),
            )
            self.assertEqual(
                texts(figure)[1:], ['real', *PLANES, 'generated', *PLANES]
            )
            assert_nothing_overlaps(self, figure)

    def test_grids_are_square(self):
        figure = real_and_generated_volumes(planes(9), planes(9))
        places = corners(placed(figure)[1]).reshape(2, 3, 9, 2)
        for grid in places.reshape(6, 9, 2):
            self.assertEqual(len(set(grid[:, 0].round(6))), 3)
            self.assertEqual(len(set(grid[:, 1].round(6))), 3)
        # Generated volumes are below the real ones.
        self.assertLess(places[1, ..., 1].max(), places[0, ..., 1].min())
