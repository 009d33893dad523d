import unittest
from types import SimpleNamespace

import numpy as np
from scipy.ndimage import gaussian_filter

from kneerepro.claims.volumes import quality_of
from kneerepro.measures import generation
from kneerepro.utils.errors import UserError

SIZE = 22  # of a volume, along each axis
COUNT = 24


def smooth_volumes(seed, count=COUNT):
    noise = np.random.RandomState(seed).rand(count, SIZE, SIZE, SIZE)
    smooth = gaussian_filter(noise, (0, 3, 3, 3))
    return (0.5 + 12 * (smooth - 0.5)).clip(0, 1)


class FakeEvidence:
    """Stands for :class:`kneerepro.claims.evidence.Evidence`."""

    def __init__(self, real, generated, encoder=True):
        self._real, self._generated = real, generated
        self._encoder = encoder

    def run(self, experiment):
        return SimpleNamespace(parameters={'nz': 27})

    def require_same_data(self, *experiments):
        if not self._encoder:
            raise UserError('there is no finished run of cae3d')

    def require_learned(self, *experiments):
        pass

    def sample_size(self, experiment):
        return len(self._real[0])

    def real_images(self, experiment):
        return self._real

    def training_images(self, experiment):
        return np.concatenate(self._real)

    def generated_images(self, experiment):
        return self._generated

    def features(self, volumes, encoder):
        """The means of 27 blocks of a volume."""
        assert encoder == 'cae3d'
        blocks = volumes[:, :21, :21, :21].reshape(-1, 3, 7, 3, 7, 3, 7)
        return blocks.mean((2, 4, 6)).reshape(-1, 27)


class QualityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.real = np.stack([smooth_volumes(seed) for seed in (0, 1)])

    def measured(self, generated, **changes):
        quality = quality_of(
            FakeEvidence(self.real, generated, **changes), 'dcgan3d'
        )
        self.assertEqual(quality.experiment, 'dcgan3d')
        return quality, {
            measurement.name.split(', by')[0].split(' (')[0]: measurement
            for measurement in quality.measurements
        }

    def test_good_and_bad_generators(self):
        good = smooth_volumes(2)
        darker = 0.5 * good
        collapsed = self.real[0][:1] + np.random.RandomState(3).normal(
            0, 1e-3, good.shape
        )
        _, of_good = self.measured(good)
        for generated, name, factor in [
            (darker, 'Fréchet distance of generated volumes', 3),
            (darker, 'sliced Wasserstein distance of generated volumes', 2),
            (
                collapsed,
                'squared maximum mean discrepancy of generated volumes',
                3,
            ),
            (collapsed, 'MS-SSIM of pairs of generated volumes', 1.5),
        ]:
            with self.subTest(name):
                _, of_bad = self.measured(generated)
                value = of_good[name].estimate.value
                self.assertGreater(
                    of_bad[name].estimate.value, factor * abs(value)
                )
                # Real volumes are real in both cases.
                other = name.replace('generated', 'other real')
                if other in of_good:
                    self.assertEqual(
                        of_bad[other].estimate, of_good[other].estimate
                    )

    def test_repeated_training_volumes(self):
        nearest = (
            'distance to the nearest training volume, relative to the '
            'distances between training volumes'
        )
        _, measured = self.measured(self.real[1] + 1e-4)
        self.assertLess(measured[nearest].estimate.value, 0.01)
        _, measured = self.measured(smooth_volumes(2))
        self.assertAlmostEqual(measured[nearest].estimate.value, 1, delta=0.1)

    def test_says_what_was_measured(self):
        quality, measured = self.measured(smooth_volumes(2))
        self.assertEqual(quality.missing, [])
        self.assertEqual(len(measured), 9)
        names = '; '.join(m.name for m in quality.measurements)
        for text in (
            '10 principal components of the codes',
            'Gaussian kernel of bandwidth 0.',
            'all volumes in one batch',
            'MS-SSIM of pairs of real volumes (2 scales)',
        ):
            self.assertIn(text, names)
        for measurement in quality.measurements:
            self.assertIn(
                measurement.estimate.n, [(COUNT, COUNT), (COUNT // 2,)]
            )
        discrepancy = measured[
            'squared maximum mean discrepancy of other real volumes'
        ]
        evidence = FakeEvidence(self.real, None)
        real, other = (evidence.features(v, 'cae3d') for v in self.real)
        self.assertAlmostEqual(
            discrepancy.estimate.value,
            generation.maximum_mean_discrepancy(other, real),
        )

    def test_without_an_encoder(self):
        quality, measured = self.measured(smooth_volumes(2), encoder=False)
        self.assertEqual(
            quality.missing, ['there is no finished run of cae3d']
        )
        self.assertEqual(len(measured), 3)

    def test_too_few_volumes(self):
        evidence = FakeEvidence(self.real[:, :5], smooth_volumes(2, 5))
        quality = quality_of(evidence, 'dcgan3d')
        self.assertEqual(quality.measurements, [])
        self.assertIn('two sets of 5 real volumes', quality.missing[0])
        self.assertIn('only 2 samples', quality.missing[1])
