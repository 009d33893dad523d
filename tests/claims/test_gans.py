import numpy as np

from kneerepro.claims.measurement import FAILS, HOLDS, OPEN
from kneerepro.measures.reconstruction import blurred
from tests.claims.evidence import ClaimTest, smooth_images


class ImagesTest(ClaimTest):
    @classmethod
    def setUpClass(cls):
        cls.real = np.stack([smooth_images(seed, 60) for seed in (0, 1)])
        cls.good = smooth_images(2, 60)
        cls.collapsed = cls.real[0, :1] + np.random.RandomState(3).normal(
            0, 1e-3, (60, 64, 64)
        )

    def evidence(self, **generated):
        truth = self.real[1]
        return {
            'real': self.real,
            'generated': generated,
            'reconstructed': {('cae2d', 'test'): (truth, blurred(truth, 0.5))},
        }

    def test_c5_mode_collapse(self):
        judgement = self.assert_verdict(
            HOLDS, 'C5', **self.evidence(dcgan=self.collapsed)
        )
        self.assertGreater(judgement.measurements[2].estimate.value, 0.9)
        judgement = self.assert_verdict(
            FAILS, 'C5', **self.evidence(dcgan=self.good)
        )
        self.assertIn('recall', judgement.why)

    def test_c5_needs_enough_images_and_a_trained_encoder(self):
        evidence = self.evidence(dcgan=self.good)
        truth = self.real[1]
        evidence['reconstructed']['cae2d', 'test'] = (
            truth,
            np.broadcast_to(truth.mean(0), truth.shape),
        )
        judgement = self.assert_verdict(OPEN, 'C5', **evidence)
        self.assertIn('not trained', judgement.why)
        evidence = self.evidence(dcgan=self.good[:31])
        evidence['real'] = self.real[:, :31]
        judgement = self.assert_verdict(OPEN, 'C5', **evidence)
        self.assertIn('at least 32', judgement.why)

    def test_c9_best(self):
        judgement = self.assert_verdict(
            HOLDS,
            'C9',
            **self.evidence(dcgan=self.collapsed, wgan_gp=self.good),
        )
        self.assertAlmostEqual(self.nearest(judgement), 1, delta=0.1)
        judgement = self.assert_verdict(
            FAILS,
            'C9',
            **self.evidence(dcgan=self.good, wgan_gp=self.collapsed),
        )
        self.assertLess(self.nearest(judgement), 0.05)

    def nearest(self, judgement):
        """The relative distance to the nearest training image."""
        (value,) = [
            measurement.estimate.value
            for measurement in judgement.measurements
            if measurement.name.startswith('distance to the nearest')
        ]
        return value


class CurvesTest(ClaimTest):
    def setUp(self):
        self.noise = np.random.RandomState(0).normal(size=(2, 2000))
        self.n = np.arange(2000)

    def test_c6_unstable(self):
        growing, shrinking = self.n / 2000, 1 - self.n / 2000
        for d, g, expected in [
            (growing, 0.1, HOLDS),
            (shrinking, 0.1, FAILS),
            (growing, 10, FAILS),
        ]:
            self.assert_verdict(
                expected,
                'C6',
                curves={
                    ('dcgan', 'discriminator'): 1 + d * self.noise[0],
                    ('dcgan', 'generator'): 2 + g * self.noise[1],
                },
            )
        judgement = self.assert_verdict(
            OPEN,
            'C6',
            curves={
                ('dcgan', 'discriminator'): np.ones(40),
                ('dcgan', 'generator'): np.ones(40),
            },
        )
        self.assertIn('only 40 iterations', judgement.why)

    def test_c7_stable(self):
        fast, slow = np.exp(-self.n / 100), 9 * np.exp(-self.n / 400)
        for wgan, dcgan, expected in [
            (fast + 0.01 * self.noise[0], slow + self.noise[1], HOLDS),
            (slow + 0.01 * self.noise[0], fast + 0.1 * self.noise[1], FAILS),
            (fast + 0.1 * self.noise[0], slow + 0.1 * self.noise[1], FAILS),
        ]:
            self.assert_verdict(
                expected,
                'C7',
                curves={
                    ('wgan_gp', 'critic'): wgan,
                    ('dcgan', 'discriminator'): dcgan,
                },
            )

    def test_c8_outliers(self):
        for count, expected in (0, FAILS), (2, FAILS), (5, HOLDS), (80, FAILS):
            curve = self.noise[0].copy()
            curve[self.n[:: 2000 // (count + 1)][1 : count + 1]] += 20
            judgement = self.assert_verdict(
                expected, 'C8', curves={('wgan_gp', 'critic'): curve}
            )
            self.assertEqual(judgement.measurements[0].estimate.value, count)
