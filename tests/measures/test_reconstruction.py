import tracemalloc
import unittest
from unittest import mock

import numpy as np

from kneerepro.measures import reconstruction


class ReconstructionTest(unittest.TestCase):
    def setUp(self):
        rng = np.random.RandomState(0)
        self.noise = rng.rand(20, 64, 64)
        self.images = reconstruction.blurred(self.noise, 2)

    def test_errors_of_a_known_difference(self):
        other = self.images + 0.1
        np.testing.assert_allclose(
            reconstruction.mse(other, self.images), 0.01
        )
        np.testing.assert_allclose(reconstruction.psnr(other, self.images), 20)
        self.assertTrue(
            np.isinf(reconstruction.psnr(self.images, self.images)).all()
        )

    def test_errors_of_slices(self):
        # Of 20 slices, two on each side are the ends.
        truth = np.stack([self.images, self.images[::-1]])
        self.assertEqual(
            list(np.flatnonzero(reconstruction.end_slices(20))), [0, 1, 18, 19]
        )
        made = truth + 0.1 * (truth - truth.mean((2, 3), keepdims=True))
        error, variance = reconstruction.slice_errors(made, truth)
        np.testing.assert_allclose(error, 0.01 * variance)
        self.assertAlmostEqual(
            reconstruction.end_to_middle_ratio(error, variance), 1
        )
        # Darker ends with the same relative error.
        contrast = np.where(reconstruction.end_slices(20), 0.1, 1)[
            :, None, None
        ]
        self.assertAlmostEqual(
            reconstruction.end_to_middle_ratio(
                *reconstruction.slice_errors(made * contrast, truth * contrast)
            ),
            1,
        )
        made = truth + 0.1 / contrast**0.5 * (made - truth)
        self.assertAlmostEqual(
            reconstruction.end_to_middle_ratio(
                *reconstruction.slice_errors(made, truth)
            ),
            10,
        )

    def test_ssim(self):
        np.testing.assert_allclose(
            reconstruction.ssim(self.images, self.images), 1
        )
        worse = reconstruction.ssim(self.noise, self.images)
        self.assertTrue((worse < 0.5).all())
        # Two constant images differ only in luminance.
        a, b = np.full((1, 16, 16), 0.5), np.full((1, 16, 16), 0.25)
        c1 = 0.01**2
        np.testing.assert_allclose(
            reconstruction.ssim(a, b),
            (2 * 0.5 * 0.25 + c1) / (0.5**2 + 0.25**2 + c1),
        )

    def test_white_noise_has_the_ratio_of_areas(self):
        for above in 0.25, 0.4:
            # With 20 images of 4096 frequencies, the fraction of energy has a
            # standard deviation below 0.002.
            self.assertLess(
                abs(
                    reconstruction.high_frequency_ratio(
                        self.noise, above
                    ).mean()
                    - (1 - np.pi * above**2)
                ),
                0.006,
            )

    def test_all_energy_about_the_mean_is_counted(self):
        np.testing.assert_allclose(
            reconstruction.high_frequency_ratio(self.noise, 0), 1
        )

    def test_waves(self):
        x = np.arange(64)
        for wavelength, ratio in (8, 0), (2, 1), (3.2, 1):
            wave = np.cos(2 * np.pi * x / wavelength)
            image = np.tile(wave, (1, 64, 1))
            self.assertAlmostEqual(
                reconstruction.high_frequency_ratio(image)[0], ratio
            )

    def test_detail_transfer(self):
        self.assertAlmostEqual(
            reconstruction.detail_transfer(self.noise, self.noise), 1
        )
        self.assertAlmostEqual(
            reconstruction.detail_transfer(self.noise / 2, self.noise), 0.5
        )
        kept = [
            reconstruction.detail_transfer(
                reconstruction.blurred(self.noise, sigma), self.noise
            )
            for sigma in (0.3, 0.5, 1)
        ]
        self.assertEqual(sorted(kept, reverse=True), kept)
        # White noise keeps the Gaussian's mean transfer over the frequencies
        # above the cut-off, apart from effects at the edges.
        f = np.fft.fftfreq(64)
        squared = f[:, None] ** 2 + f**2
        gain = np.exp(-2 * np.pi**2 * squared)[squared > 0.25**2].mean()
        self.assertLess(abs(kept[-1] - gain), 0.02)

    def test_principal_components(self):
        rng = np.random.RandomState(2)
        basis = rng.normal(size=(3, 8, 8))
        images = 0.5 + np.tensordot(rng.normal(size=(50, 3)), basis, 1)
        # Three components describe these images completely.
        np.testing.assert_allclose(
            reconstruction.pca_reconstruction(images, images, 3),
            images,
            atol=1e-8,
        )
        # Two components leave the energy along the third.
        left = images - reconstruction.pca_reconstruction(images, images, 2)
        spectrum = np.linalg.svd(
            (images - images.mean(0)).reshape(50, -1), compute_uv=False
        )
        self.assertAlmostEqual(np.square(left).sum() / spectrum[2] ** 2, 1)
        # One component per pixel describes any image.
        other = rng.normal(size=(4, 8, 8))
        images = rng.normal(size=(100, 8, 8))
        np.testing.assert_allclose(
            reconstruction.pca_reconstruction(other, images, 64),
            other,
            atol=1e-8,
        )

    def test_few_examples_of_many_pixels(self):
        """The smaller product matrix gives the components of the SVD."""
        rng = np.random.RandomState(3)
        train, images = rng.normal(size=(2, 7, 2, 3, 4))
        mean = train.mean(0)
        axes = np.linalg.svd(
            (train - mean).reshape(7, -1), full_matrices=False
        )[2]
        about = (images - mean).reshape(7, -1)
        for count, used in (1, 1), (4, 4), (6, 6), (7, 6), (100, 6):
            expected = about @ axes[:used].T @ axes[:used]
            np.testing.assert_allclose(
                reconstruction.pca_reconstruction(images, train, count),
                expected.reshape(images.shape) + mean,
                atol=1e-10,
            )

    def test_components_do_not_depend_on_the_blocks(self):
        rng = np.random.RandomState(4)
        for shape in (9, 40), (40, 9):
            train = rng.rand(*shape).astype('float32')
            images = rng.rand(5, shape[1]).astype('float32')
            expected = reconstruction.pca_reconstruction(images, train, 6)
            with mock.patch.object(reconstruction, '_BLOCK_SIZE', 70):
                found = reconstruction.pca_reconstruction(images, train, 6)
            np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_components_need_little_memory(self):
        """No copy of the training set in float64 is made."""
        rng = np.random.RandomState(5)
        for shape in (16, 100000), (100000, 16):
            train = rng.rand(*shape).astype('float32')
            images = train[:2]
            with mock.patch.object(reconstruction, '_BLOCK_SIZE', 2**16):
                tracemalloc.start()
                reconstruction.pca_reconstruction(images, train, 4)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
            self.assertLess(peak, 0.6 * 8 * train.size)

    def test_baselines(self):
        train = np.float32([[0, 0], [0, 2], [0, 4]])
        test = np.float32([[0, 5], [1, 2]])
        found = reconstruction.baselines(test, train, 1)
        # The mean is (0, 2); the only component is the second axis.
        self.assertEqual(
            found,
            reconstruction.Baselines(
                mean_mse=10 / 4, components_mse=1 / 4, components=1
            ),
        )
        self.assertEqual(
            reconstruction.baselines(test, train, 50).components, 2
        )

    def test_identified(self):
        truth = np.float32([[0, 0], [4, 0], [0, 4]])
        made = np.float32([[1, 1], [1.9, 0], [1, 3]])
        np.testing.assert_array_equal(
            reconstruction.identified(made, truth), [True, False, True]
        )
        # The mean image is nearest to one of them at most.
        mean = np.broadcast_to(truth.mean(0), truth.shape)
        self.assertLessEqual(reconstruction.identified(mean, truth).sum(), 1)

    def test_independent_noise_is_no_detail(self):
        other = np.random.RandomState(1).normal(size=self.noise.shape)
        # The noise has a standard deviation of 1, the uniform truth one of
        # 1 / sqrt(12). Their gain is averaged over 80 % of 20 x 4096
        # frequencies.
        self.assertLess(
            abs(reconstruction.detail_transfer(other, self.noise)),
            3 * np.sqrt(12 / (0.8 * 20 * 4096)),
        )

    def test_blurred_images_have_a_lower_ratio(self):
        self.assertTrue(
            (
                reconstruction.high_frequency_ratio(self.images)
                < reconstruction.high_frequency_ratio(self.noise)
            ).all()
        )

    def test_blur_of_one_pixel(self):
        # This Gaussian falls to half of its height half a pixel off its peak.
        self.assertAlmostEqual(
            np.exp(-(0.5**2) / (2 * reconstruction.ONE_PIXEL**2)), 0.5
        )
