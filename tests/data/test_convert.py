import unittest
from dataclasses import asdict, replace

import numpy as np

from kneerepro.data.convert import (
    Options,
    make_volume,
    network_grid,
    normalise,
)
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.grid import Grid
from kneerepro.data.resize import resize

VOLUME = (
    np.random.RandomState(1).randint(0, 4000, (5, 12, 12)).astype('float32')
)
OPTIONS = Options(depth=5, size=6)


def make(volume=VOLUME, options=OPTIONS, spacing=None, **kwargs):
    return make_volume(
        ((image, 1.0, 0.0) for image in volume),
        len(volume),
        spacing,
        options,
        **kwargs,
    )


class OptionsTest(unittest.TestCase):
    """Dataset files store them, and the names of cached volumes hash them."""

    def test_stored_form(self):
        self.assertEqual(
            asdict(Options(depth=80)),
            {
                'depth': 80,
                'size': 64,
                'normalise': 'volume',
                'flip_left': False,
            },
        )

    def test_text(self):
        self.assertEqual(
            repr(Options(depth=80, flip_left=True)),
            "Options(depth=80, size=64, normalise='volume', flip_left=True)",
        )


class MakeVolumeTest(unittest.TestCase):
    def expected(self, volume=VOLUME, size=6):
        return resize(resize(volume.astype(float), size, 1), size, 2)

    def test_plane(self):
        volume = make()
        self.assertEqual(volume.dtype, 'float32')
        np.testing.assert_allclose(volume, self.expected(), atol=2e-3)

    def test_depth_kept_or_resampled(self):
        np.testing.assert_allclose(
            make(options=replace(OPTIONS, depth=8)),
            resize(self.expected(), 8, 0),
            atol=2e-3,
        )

    def test_scale_of_each_slice(self):
        scales, offsets = [1, 2, 0.5, -1, 3], [0, -7, 100, 4000, 0.25]
        volume = make_volume(zip(VOLUME, scales, offsets), 5, None, OPTIONS)
        expected = VOLUME * np.reshape(scales, (5, 1, 1)) + np.reshape(
            offsets, (5, 1, 1)
        )
        np.testing.assert_allclose(volume, self.expected(expected), atol=1e-2)

    def test_padded_field(self):
        volume = make(VOLUME[:, :, :6])
        # Three of six columns, between one and two of padding.
        inner = resize(resize(VOLUME[:, :, :6].astype(float), 6, 1), 3, 2)
        np.testing.assert_allclose(volume[:, :, 1:4], inner, atol=2e-3)
        np.testing.assert_array_equal(
            volume[:, :, [0, 4, 5]], np.full((5, 6, 3), volume.min())
        )

    def test_pixels_that_are_not_square(self):
        # Half as many rows, twice as far apart: a square field.
        volume = make(VOLUME[:, ::2], spacing=(2.0, 1.0))
        np.testing.assert_allclose(
            volume,
            resize(resize(VOLUME[:, ::2].astype(float), 6, 1), 6, 2),
            atol=2e-3,
        )

    def test_flips(self):
        for flips in [(True, False, False), (False, True, True)]:
            axes = [axis for axis in range(3) if flips[axis]]
            np.testing.assert_array_equal(
                make(flips=flips), np.flip(make(), axes)
            )

    def test_flips_come_before_padding(self):
        """Of an odd number of columns, one more goes behind."""
        volume = make(VOLUME[:, :, :6], options=replace(OPTIONS, size=10))
        flipped = make(
            VOLUME[:, :, 5::-1],
            options=replace(OPTIONS, size=10),
            flips=(False, False, True),
        )
        np.testing.assert_allclose(flipped, volume, atol=2e-3)
        self.assertEqual(np.ptp(volume[:, :, :2]), 0)
        self.assertEqual(np.ptp(volume[:, :, 7:]), 0)

    def test_slices_of_padding(self):
        holed = VOLUME.copy()
        holed[2] = np.nan
        volume = make(holed)
        np.testing.assert_array_equal(
            volume[2], np.full((6, 6), volume[[0, 1, 3, 4]].min())
        )
        np.testing.assert_array_equal(
            volume[[0, 1, 3, 4]], make()[[0, 1, 3, 4]]
        )

    def test_rejects(self):
        spoilt = VOLUME.copy()
        spoilt[1, 2, 3] = np.inf
        for volume, code in [
            (np.full_like(VOLUME, 7), 'CONSTANT_IMAGE'),
            (spoilt, 'NOT_FINITE'),
            (np.full_like(VOLUME, np.nan), 'NOT_FINITE'),
        ]:
            with self.assertRaises(DefectError) as caught:
                make(volume)
            self.assertEqual(caught.exception.code, code)


class NetworkGridTest(unittest.TestCase):
    ORIGINAL = Grid(
        shape=(5, 12, 6),
        origin=(30.0, -40.0, 50.0),
        steps=((-3.0, 0.0, 0.0), (0.0, 0.0, -0.5), (0.0, 0.5, 0.0)),
    )

    def grid(self, **changes):
        return network_grid(self.ORIGINAL, replace(OPTIONS, **changes))

    def test_size(self):
        grid = self.grid(depth=10, size=6)
        self.assertEqual(grid.shape, (10, 6, 6))
        np.testing.assert_allclose(grid.spacing, (1.5, 1, 1))
        # Of the six columns, three show the image: 3 mm from -40.25 mm.
        np.testing.assert_allclose(
            grid.position((-0.5, -0.5, 0.5)), (31.5, -40.25, 50.25)
        )

    def test_where_things_are(self):
        """A bright voxel lies where it did."""
        for size in 12, 13, 24:
            options = Options(depth=10, size=size)
            grid = network_grid(self.ORIGINAL, options)
            for index in (1, 3, 2), (4, 10, 5), (2, 6, 1):
                volume = np.zeros(self.ORIGINAL.shape, 'float32')
                volume[index] = 1
                made = make(volume, options, spacing=(0.5, 0.5))
                weights = made.clip(0)
                centre = [
                    (weights.sum(axis=tuple({0, 1, 2} - {axis})))
                    @ np.arange(length)
                    / weights.sum()
                    for axis, length in enumerate(made.shape)
                ]
                np.testing.assert_allclose(
                    grid.position(centre),
                    self.ORIGINAL.position(index),
                    atol=0.3,
                )


class NormaliseTest(unittest.TestCase):
    def test_volume(self):
        volume = np.float32([[[-100, 0], [300, 100]]])
        result = normalise(volume)
        np.testing.assert_allclose(result, [[[0, 0.25], [1, 0.5]]])
        self.assertEqual(result.dtype, 'float32')

    def test_slice(self):
        volume = np.float32(
            [
                [[1, 2], [5, 3]],
                [[0, 0], [0, 0]],
                [[7, 7], [7, 7]],
                [[-1, 1], [0, 0]],
            ]
        )
        np.testing.assert_allclose(
            normalise(volume, 'slice'),
            [
                [[0, 0.25], [1, 0.5]],
                [[0, 0], [0, 0]],
                [[0, 0], [0, 0]],
                [[0, 1], [0.5, 0.5]],
            ],
        )

    def test_slice_max(self):
        volume = np.float32(
            [
                [[1, 2], [5, 3]],
                [[0, 0], [0, 0]],
                [[7, 7], [7, 7]],
                [[-1, 2], [0, 1]],
                [[-3, -1], [-2, -2]],
            ]
        )
        # x / x.max() of each slice, except that the second slice would be
        # NaN and the last one positive.
        np.testing.assert_allclose(
            normalise(volume, 'slice-max'),
            [
                [[0.2, 0.4], [1, 0.6]],
                [[0, 0], [0, 0]],
                [[1, 1], [1, 1]],
                [[0, 1], [0, 0.5]],
                [[0, 0], [0, 0]],
            ],
        )

    def test_dataset(self):
        volume = np.float32([[[1, 2], [5, 3]]])
        np.testing.assert_allclose(
            normalise(volume, 'dataset', (1, 9)), [[[0, 0.125], [0.5, 0.25]]]
        )

    def test_stays_within_the_unit_interval(self):
        for seed in range(200):
            rng = np.random.RandomState(seed)
            volume = (
                rng.randn(2, 3, 4) * 10.0 ** rng.randint(-6, 7) + rng.randn()
            ).astype('float32')
            for result in normalise(volume), *normalise(volume, 'slice'):
                self.assertEqual((result.min(), result.max()), (0, 1))
