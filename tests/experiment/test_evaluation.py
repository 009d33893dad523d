"""Autoencoders learn to tell knees apart, at the smallest size to show it."""

import unittest
from types import SimpleNamespace
from unittest import mock

import lasagne
import numpy as np

from kneerepro.algorithms import compile_cae
from kneerepro.data.convert import Options, make_volume, normalise
from kneerepro.engines import Engine
from kneerepro.experiment import evaluation
from kneerepro.experiment.evaluation import (
    ImageSpread,
    evaluate_autoencoder,
)
from kneerepro.measures.codes import code_spread
from kneerepro.measures.reconstruction import identified
from kneerepro.networks import build_cae3d, output_bias_for
from kneerepro.phantom import knee_volume
from kneerepro.runs.collapse import COLLAPSES

OPTIONS = Options(depth=16, size=32)


def knee(patient):
    """A synthetic knee, shape (1, 16, 32, 32)."""
    images = (
        (image.astype('float32'), 1.0, 0.0)
        for image in knee_volume(0, patient, 32, 16)
    )
    return normalise(make_volume(images, 16, None, OPTIONS))[None]


class KneesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.knees = np.stack([knee(patient) for patient in range(3)])

    def trained(self, output_bias, iterations):
        """Train an autoencoder on all knees at once."""
        lasagne.random.set_rng(np.random.RandomState(0))
        networks = build_cae3d(
            nz=20,
            depth=16,
            rows=32,
            columns=32,
            width=0.06,
            output_bias=output_bias,
        )
        functions = compile_cae(
            *networks, 2e-3, mode=Engine('auto', 'cpu').mode
        )
        for _ in range(iterations):
            functions.train(self.knees)
        return functions

    def test_reconstructions_belong_to_their_patients(self):
        functions = self.trained(output_bias_for(self.knees.mean()), 160)
        made = functions.reconstruct(self.knees)
        self.assertTrue(identified(made, self.knees).all())
        differences = [
            np.square(made[i] - made[j]).mean()
            for i, j in [(0, 1), (0, 2), (1, 2)]
        ]
        true = [
            np.square(self.knees[i] - self.knees[j]).mean()
            for i, j in [(0, 1), (0, 2), (1, 2)]
        ]
        self.assertGreater(min(differences), 0.2 * min(true))
        self.assertGreater(code_spread(functions.encode(self.knees)), 0.1)

    def test_zero_bias_gives_the_mean_knee(self):
        """With an output bias of 0, the code collapses (E21)."""
        functions = self.trained(0.0, 40)
        made = functions.reconstruct(self.knees)
        self.assertLessEqual(identified(made, self.knees).sum(), 1)
        self.assertLess(
            code_spread(functions.encode(self.knees)),
            COLLAPSES['cae3d'].threshold,
        )


class EvaluateTest(unittest.TestCase):
    def evaluate(self, *shape):
        """Evaluate an autoencoder that makes everything darker."""
        rng = np.random.RandomState(0)
        train, test = rng.rand(4, 1, *shape), rng.rand(7, 1, *shape)
        test *= np.arange(1, 8).reshape(7, *[1] * (1 + len(shape))) / 7
        test = test[::-1].astype('float32')  # from bright to dark

        class Examples:
            def __init__(self, values):
                self.values, self.volume = values, np.arange(len(values))

            def __getitem__(self, index):
                return self.values[index]

            def __len__(self):
                return len(self.values)

        experiment = SimpleNamespace(
            train=Examples(train.astype('float32')),
            test=Examples(test),
            parameters={'batch_size': 2, 'nz': 2},
            sides=[],
            widths=[],
        )
        functions = SimpleNamespace(
            reconstruct=lambda x: x / 2,
            encode=lambda x: x.reshape(len(x), -1)[:, :2],
        )
        return evaluate_autoencoder(experiment, functions), test

    def test_keeps_volumes_for_the_browser(self):
        results, test = self.evaluate(4, 6, 5)
        # Of seven, the darkest has the least error.
        chosen = results['browsed_examples']
        self.assertEqual(chosen.tolist(), [6, 4, 3, 2, 0])
        self.assertEqual(results['browsed_truth'].dtype, 'float16')
        np.testing.assert_allclose(
            results['browsed_truth'], test[chosen, 0], atol=1e-3
        )
        np.testing.assert_allclose(
            results['browsed_reconstruction'], test[chosen, 0] / 2, atol=1e-3
        )

    def test_keeps_images_for_the_browser(self):
        results, test = self.evaluate(6, 5)
        chosen = results['browsed_examples']
        mse = np.square(test / 2).mean((1, 2, 3))
        self.assertEqual(chosen.tolist(), np.argsort(mse).tolist())
        self.assertEqual(results['browsed_truth'].shape, (7, 6, 5))

    def test_keeps_nothing_that_no_page_could_show(self):
        with mock.patch.object(evaluation.browser, 'how_many', return_value=0):
            results, _ = self.evaluate(4, 6, 5)
        self.assertEqual(results['browsed_truth'].shape, (0, 4, 6, 5))


class ImageSpreadTest(unittest.TestCase):
    def spread(self, generate):
        real = np.random.RandomState(0).rand(256, 1, 4, 4)
        experiment = SimpleNamespace(
            parameters={'seed': 3, 'nz': 16},
            sample_training=lambda count: real[:count],
        )
        return ImageSpread(experiment, SimpleNamespace(generate=generate))

    def test_as_varied_as_the_noise(self):
        # Standard deviations of 1 in the noise, 1 / sqrt(12) in the images.
        spread = self.spread(lambda z: z.reshape(-1, 1, 4, 4))
        self.assertAlmostEqual(spread(), 12**0.5, delta=0.2)
        self.assertEqual(spread(), spread())

    def test_collapsed(self):
        spread = self.spread(lambda z: np.ones((len(z), 1, 4, 4)))
        self.assertEqual(spread(), 0)


if __name__ == '__main__':
    unittest.main()
