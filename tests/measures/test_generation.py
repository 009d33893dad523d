import unittest
from unittest import mock

import numpy as np

from kneerepro.measures import generation, reconstruction


class FrechetTest(unittest.TestCase):
    def test_equal_sets(self):
        a = np.random.RandomState(0).normal(size=(200, 5))
        self.assertLess(generation.frechet_distance(a, a), 1e-12)

    def test_fewer_samples_than_dimensions(self):
        a = np.random.RandomState(1).normal(size=(10, 30))
        self.assertLess(generation.frechet_distance(a, a), 1e-10)
        self.assertAlmostEqual(
            generation.frechet_distance(a, a + 2), 120, places=4
        )

    def test_closed_form(self):
        # For independent axes, this is the sum of the squared differences of
        # the means and of the standard deviations.
        mean, sd = np.array([0.0, 1, 2]), np.array([1.0, 2, 3])
        found = generation.frechet_distance_of_gaussians(
            np.zeros(3), np.eye(3), mean, np.diag(sd**2)
        )
        self.assertAlmostEqual(found, 0 + 1 + 4 + 0 + 1 + 4)
        # Rotating both Gaussians does not change their distance.
        turn = np.linalg.qr(np.random.RandomState(2).normal(size=(3, 3)))[0]
        self.assertAlmostEqual(
            generation.frechet_distance_of_gaussians(
                np.zeros(3),
                np.eye(3),
                turn @ mean,
                turn @ np.diag(sd**2) @ turn.T,
            ),
            found,
        )
        # Two covariances that do not commute.
        a = np.array([[2.0, 1], [1, 2]])
        b = np.array([[1.0, 0], [0, 4]])
        product = np.sqrt(np.linalg.eigvals(a @ b)).sum()
        self.assertAlmostEqual(
            generation.frechet_distance_of_gaussians(
                np.zeros(2), a, np.zeros(2), b
            ),
            4 + 5 - 2 * product,
        )

    def test_samples_of_two_gaussians(self):
        rng = np.random.RandomState(3)
        n, shift, scale = 100000, np.array([3.0, 0, 0, 0]), 2.0
        a = rng.normal(size=(n, 4))
        b = scale * rng.normal(size=(n, 4)) + shift
        expected = 9 + 4 * (scale - 1) ** 2
        # The estimated shift of 3 has a standard deviation of
        # sqrt((1 + 4) / n) and enters with the derivative 2 x 3. The four
        # differences of standard deviations have sqrt((1 + 4) / 2n) each and
        # enter with the derivative 2 x 1.
        error = np.sqrt(36 * 5 / n + 4 * 4 * 5 / (2 * n))
        self.assertLess(
            abs(generation.frechet_distance(a, b) - expected), 3 * error
        )

    def test_bias_falls_with_n(self):
        rng = np.random.RandomState(4)
        found = [
            generation.frechet_distance(
                rng.normal(size=(n, 20)), rng.normal(size=(n, 20))
            )
            for n in (50, 500, 5000)
        ]
        for more, less in zip(found, found[1:]):
            self.assertTrue(5 < more / less < 20)  # proportional to 1 / n


class SlicedWassersteinTest(unittest.TestCase):
    def test_order_does_not_matter(self):
        a = np.random.RandomState(0).normal(size=(50, 3))
        self.assertAlmostEqual(
            generation.sliced_wasserstein_distance(a, a[::-1]), 0
        )

    def test_translation(self):
        a = np.random.RandomState(1).normal(size=(50, 4))
        t = np.array([1.0, 2, 0, 2])
        # The squared distance is the mean of 4000 squared cosines, which have
        # a mean of 1/4 and a standard deviation of sqrt(1/8 - 1/16). Its
        # relative error is 0.016, that of its root half of this.
        found = generation.sliced_wasserstein_distance(a, a + t, 4000)
        self.assertLess(abs(found / (3 / 2) - 1), 3 * 0.008)
        self.assertAlmostEqual(
            generation.sliced_wasserstein_distance(a[:, :1], a[:, :1] + 7), 7
        )

    def test_sets_must_have_the_same_size(self):
        with self.assertRaisesRegex(ValueError, '3 and 4 samples'):
            generation.sliced_wasserstein_distance(
                np.ones((3, 1)), np.ones((4, 1))
            )


class MaximumMeanDiscrepancyTest(unittest.TestCase):
    def test_closed_form(self):
        # The differences between independent samples of N(0, 1) and N(2, 1)
        # have the distribution N(2, 2). The kernel is at most 1, so the three
        # means have errors below 1 / sqrt(n), of which one counts twice.
        n, shift, bandwidth = 1500, 2.0, 1.0
        rng = np.random.RandomState(0)
        a, b = rng.normal(size=(n, 1)), rng.normal(shift, size=(n, 1))
        height = bandwidth / np.sqrt(bandwidth**2 + 2)
        expected = 2 * height * (1 - np.exp(-(shift**2) / (2 * 3)))
        found = generation.maximum_mean_discrepancy(a, b, bandwidth)
        self.assertLess(abs(found - expected), 4 / np.sqrt(n))
        self.assertGreater(found, 0.4)

    def test_two_points(self):
        a, b = np.zeros((2, 3)), np.full((4, 3), 2.0)
        self.assertAlmostEqual(
            generation.maximum_mean_discrepancy(a, b, 2),
            2 - 2 * np.exp(-12 / 8),
        )

    def test_no_bias(self):
        rng = np.random.RandomState(1)
        found = [
            generation.maximum_mean_discrepancy(*rng.normal(size=(2, 10, 5)))
            for _ in range(200)
        ]
        error = np.std(found) / np.sqrt(len(found))
        self.assertLess(abs(np.mean(found)), 3 * error)
        self.assertLess(min(found), 0)

    def test_default_bandwidth(self):
        # The median distance between samples of the second set.
        a = np.random.RandomState(2).normal(size=(7, 1))
        b = np.array([[0.0], [1.0], [5.0]])
        self.assertEqual(
            generation.maximum_mean_discrepancy(a, b),
            generation.maximum_mean_discrepancy(a, b, 4),
        )

    def test_refused(self):
        one, equal = np.ones((1, 2)), np.ones((3, 2))
        with self.assertRaisesRegex(ValueError, '1 and 3 samples'):
            generation.maximum_mean_discrepancy(one, equal)
        with self.assertRaisesRegex(ValueError, 'positive, not 0.0'):
            generation.maximum_mean_discrepancy(equal, equal)


class ManifoldTest(unittest.TestCase):
    def setUp(self):
        self.real = np.random.RandomState(0).normal(size=(300, 5))

    def precision_recall(self, generated):
        return (
            generation.within_manifold(generated, self.real).mean(),
            generation.within_manifold(self.real, generated).mean(),
        )

    def test_equal_sets(self):
        self.assertEqual(self.precision_recall(self.real), (1, 1))

    def test_collapsed_generator(self):
        tiny = 1e-6 * np.random.RandomState(1).normal(size=(300, 5))
        precision, recall = self.precision_recall(self.real[:1] + tiny)
        self.assertEqual(precision, 1)
        self.assertLessEqual(recall, 1 / 300)

    def test_one_of_two_modes(self):
        two = np.concatenate([self.real, self.real + 100])
        self.assertEqual(
            generation.within_manifold(two, self.real).mean(), 0.5
        )

    def test_disjoint_sets(self):
        self.assertEqual(self.precision_recall(self.real + 100), (0, 0))

    def test_points_on_a_line(self):
        line = np.array([[0.0], [1], [2], [10]])
        # The distances to the second neighbours are 2, 1, 2 and 9.
        np.testing.assert_array_equal(
            generation.within_manifold(
                np.array([[-2.0], [-2.1], [4], [18.9], [19.1]]), line, k=2
            ),
            [True, False, True, True, False],
        )
        with self.assertRaisesRegex(ValueError, 'only 4 .*at least 5'):
            generation.within_manifold(line, line, k=4)


class ImagesTest(unittest.TestCase):
    def setUp(self):
        noise = np.random.RandomState(0).rand(40, 64, 64)
        self.images = 4 * (reconstruction.blurred(noise, 2) - 0.5) + 0.5

    def test_ms_ssim_of_equal_images(self):
        np.testing.assert_allclose(
            generation.ms_ssim(self.images, self.images), 1
        )

    def test_first_scale_is_ssim(self):
        luminance, rest = generation._similarity(
            self.images[:3], self.images[3:6]
        )
        np.testing.assert_allclose(
            (luminance * rest).mean((1, 2)),
            reconstruction.ssim(self.images[:3], self.images[3:6]),
        )

    def test_weights_and_scales(self):
        # Constant images differ only in luminance, which enters on the last
        # scale alone.
        a, b = np.full((1, 64, 64), 0.5), np.full((1, 64, 64), 0.25)
        luminance = (0.25 + 1e-4) / (0.3125 + 1e-4)
        np.testing.assert_allclose(
            generation.ms_ssim(a, b),
            luminance ** (0.3001 / (0.0448 + 0.2856 + 0.3001)),
        )
        # A pattern finer than 2 x 2 pixels is seen only on the first scale.
        check = a + 0.2 * (-1) ** np.indices((64, 64)).sum(0)
        structure = 9e-4 / (0.04 + 9e-4)
        np.testing.assert_allclose(
            generation.ms_ssim(a, check),
            structure ** (0.0448 / 0.6305),
            rtol=1e-3,
        )
        with self.assertRaisesRegex(ValueError, '43 x 64 .*at least 44 x 44'):
            generation.ms_ssim(a[:, :43], b[:, :43])

    def test_number_of_scales(self):
        check = 0.5 + 0.2 * (-1) ** np.indices((1, 22, 64)).sum(0)
        flat = np.full(check.shape, 0.5)
        structure = 9e-4 / (0.04 + 9e-4)
        for scales, weight in (1, 1), (2, 0.0448 / (0.0448 + 0.2856)):
            np.testing.assert_allclose(
                generation.ms_ssim(flat, check, scales),
                structure**weight,
                rtol=1e-3,
            )
        with self.assertRaisesRegex(ValueError, 'or ask for fewer scales'):
            generation.ms_ssim(flat, check)
        for scales in 0, 6:
            with self.assertRaisesRegex(ValueError, 'from 1 to 5'):
                generation.ms_ssim(flat, check, scales)

    def test_volumes(self):
        # Slices that are all equal change nothing, whichever axis they lie
        # along.
        a, b = self.images[:2], self.images[2:4]
        expected = generation.ms_ssim(a, b)
        for axis in 1, 2, 3:
            volumes = (
                np.repeat(np.expand_dims(images, axis), 44, axis)
                for images in (a, b)
            )
            np.testing.assert_allclose(generation.ms_ssim(*volumes), expected)
        # A pattern finer than 2 x 2 x 2 voxels is seen only on the first
        # scale.
        check = 0.5 + 0.2 * (-1) ** np.indices((1, 22, 22, 22)).sum(0)
        flat = np.full(check.shape, 0.5)
        np.testing.assert_allclose(
            generation.ms_ssim(flat, check, 2),
            (9e-4 / (0.04 + 9e-4)) ** (0.0448 / (0.0448 + 0.2856)),
            rtol=1e-2,
        )

    def test_pairs_of_a_collapsed_generator(self):
        varied = generation.ms_ssim_of_pairs(self.images, 100)
        self.assertEqual(varied.shape, (20,))
        self.assertLess(varied.max(), 0.5)
        faint = np.random.RandomState(1).normal(0, 1e-4, self.images.shape)
        collapsed = generation.ms_ssim_of_pairs(self.images[:1] + faint, 100)
        self.assertGreater(collapsed.min(), 0.999)
        # The same a few at a time, so that volumes need less memory.
        with mock.patch.object(generation, '_MAX_VOXELS', 3 * 64 * 64):
            np.testing.assert_array_equal(
                generation.ms_ssim_of_pairs(self.images, 100), varied
            )
        self.assertEqual(
            generation.ms_ssim_of_pairs(self.images[:1], 100).shape, (0,)
        )

    def test_scales_that_fit(self):
        for size, expected in [
            ((10, 64, 64), 0),
            ((11, 64, 64), 1),
            ((16, 64, 64), 1),
            ((32, 64, 64), 2),
            ((64, 64), 3),
            ((160, 176, 200), 4),
            ((176, 180), 5),
        ]:
            self.assertEqual(generation.scales_that_fit(size), expected)
        self.assertEqual(generation.scales_that_fit((176, 176), 3), 3)

    def test_nearest_distance(self):
        np.testing.assert_allclose(
            generation.nearest_distance(self.images[5:8] + 0.01, self.images),
            0.01,
        )
        many = np.concatenate([np.zeros((1000, 64, 64)), self.images])
        self.assertLess(
            generation.nearest_distance(self.images, many).max(), 1e-6
        )
        to_others = generation.nearest_distance(self.images, many, rank=2)
        self.assertTrue((to_others > 0.05).all())
