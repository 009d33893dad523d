import unittest

import numpy as np
from lasagne.layers import get_all_layers, get_output
from scipy.ndimage import gaussian_filter

from kneerepro.data.views import View
from kneerepro.networks import (
    build_cae2d,
    build_cae3d,
    build_dcgan3d,
    build_wgan_gp,
)
from kneerepro.prediction import features
from kneerepro.runs.zoo import Model
from tests.modes import evaluate


def view(volumes):
    return View(
        volumes, np.arange(len(volumes)).astype(str), np.ones(len(volumes))
    )


def model(experiment, networks):
    return Model(
        experiment=experiment, options={}, networks=networks, about={}
    )


class NetworkFeaturesTest(unittest.TestCase):
    def setUp(self):
        rng = np.random.RandomState(0)
        self.volumes = rng.rand(3, 1, 16, 64, 64).astype('float32')

    def test_codes_of_volumes(self):
        networks = build_cae3d(nz=4, depth=16, width=1 / 64)
        seen = []
        found = features.network_features(
            model('cae3d', networks),
            view(self.volumes),
            progress=lambda *numbers: seen.append(numbers),
        )
        np.testing.assert_allclose(
            found,
            evaluate(get_output(networks[0], self.volumes)),
            rtol=1e-5,
        )
        self.assertEqual(seen, [(1, 3), (2, 3), (3, 3)])

    def test_codes_of_slices(self):
        networks = build_cae2d(nz=4, width=1 / 64)
        found = features.network_features(
            model('cae2d', networks), view(self.volumes)
        )
        codes = evaluate(get_output(networks[0], self.volumes[1, 0][:, None]))
        self.assertEqual(found.shape, (3, 8))
        np.testing.assert_allclose(found[1, :4], codes.mean(0), rtol=1e-5)
        np.testing.assert_allclose(found[1, 4:], codes.std(0), rtol=1e-3)
        self.assertIn(
            'over the slices', features.describe(model('cae2d', networks))
        )

    def test_last_convolution(self):
        networks = build_wgan_gp(nz=4, width=1 / 64)
        found = features.network_features(
            model('wgan_gp', networks), view(self.volumes)
        )
        # 1,024 / 64 filters
        self.assertEqual(found.shape, (3, 32))
        self.assertEqual(
            features.describe(model('wgan_gp', networks)),
            'last convolution of the critic, mean and standard deviation over '
            'the slices (WGAN-GP)',
        )

    def test_last_convolution_of_volumes(self):
        networks = build_dcgan3d(nz=4, depth=16, width=1 / 512)
        found = features.network_features(
            model('dcgan3d', networks), view(self.volumes)
        )
        self.assertEqual(found.shape, (3, 2))
        *_, flat, _ = get_all_layers(networks[1])
        output = evaluate(
            get_output(flat.input_layer, self.volumes[1:2], deterministic=True)
        )
        np.testing.assert_allclose(
            found[1], output[0].mean((1, 2, 3)), rtol=1e-4
        )
        self.assertEqual(
            features.describe(model('dcgan3d', networks)),
            'last convolution of the discriminator (3D DCGAN)',
        )


class PrincipalComponentsTest(unittest.TestCase):
    def test_of_some_volumes(self):
        rng = np.random.RandomState(1)
        volumes = rng.normal(3, 1, (7, 1, 2, 3, 4))
        gram = features.products(view(volumes))
        x = volumes.reshape(7, -1)
        np.testing.assert_allclose(gram, x @ x.T)
        train = np.array([0, 2, 3, 6])
        mean = x[train].mean(0)
        _, _, axes = np.linalg.svd(x[train] - mean, full_matrices=False)
        for count in 1, 2, 3, 10:
            found = features.principal_components(gram, train, count)
            # There are no more than three components of four volumes.
            expected = (x - mean) @ axes[: min(count, 3)].T
            self.assertEqual(found.shape, expected.shape)
            np.testing.assert_allclose(abs(found), abs(expected), atol=1e-8)

    def test_in_chunks(self):
        volumes = np.random.RandomState(2).rand(130, 1, 1, 2, 2)
        x = volumes.reshape(130, -1)
        np.testing.assert_allclose(
            features.products(view(volumes)), x @ x.T, rtol=1e-12
        )


class PlainMeasuresTest(unittest.TestCase):
    def measure(self, volume):
        values = features.plain_measures(volume)
        self.assertEqual(len(values), len(features.PLAIN_MEASURES))
        return dict(zip(features.PLAIN_MEASURES, values))

    def test_bone_in_a_leg(self):
        volume = np.zeros((20, 40, 40))
        volume[2:18, 5:35, 8:32] = 0.75
        volume[4:14, 10:30, 12:20] = 0.05  # bone
        volume[15, 12:14, 25:27] = 0.05  # a vessel
        found = self.measure(volume)
        self.assertAlmostEqual(
            found['share of intensities from 0.7 to 0.8'],
            (volume == 0.75).mean(),
        )
        self.assertAlmostEqual(found['volume of the leg'], 16 * 30 * 24 / 32e3)
        # The corners of the block are rounded off.
        self.assertLess(
            abs(found['volume of the bones'] / (10 * 20 * 8 / 32e3) - 1), 0.1
        )
        self.assertEqual(found['thickness of the bones across slices'], 0.5)
        self.assertEqual(found['height of the bones'], 0.5)
        self.assertEqual(found['depth of the bones from front to back'], 0.2)

    def test_without_bone(self):
        noise = np.random.RandomState(0).rand(8, 16, 16)
        for volume in (
            np.zeros((8, 16, 16)),
            np.ones((8, 16, 16)),
            gaussian_filter(noise, 1),
        ):
            found = self.measure(volume)
            self.assertTrue(np.isfinite(list(found.values())).all())
            self.assertAlmostEqual(
                sum(v for name, v in found.items() if 'share' in name), 1
            )
