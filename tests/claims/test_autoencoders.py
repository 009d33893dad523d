import numpy as np

from kneerepro.claims.measurement import FAILS, HOLDS, OPEN
from kneerepro.measures.reconstruction import blurred
from tests.claims.evidence import ClaimTest


class AutoencodersTest(ClaimTest):
    def setUp(self):
        rng = np.random.RandomState(0)
        self.images = blurred(rng.rand(20, 64, 64), 1)
        self.volumes = blurred(rng.rand(8 * 16, 64, 64), 1).reshape(
            8, 16, 64, 64
        )

    def blurred_images(self, sigma):
        return {('cae2d', 'test'): (self.images, blurred(self.images, sigma))}

    def noisy(self, experiment, level, part='test'):
        truth = self.images if experiment == 'cae2d' else self.volumes
        noise = np.random.RandomState(1).normal(0, level, truth.shape)
        return {(experiment, part): (truth, truth + noise)}

    def test_c1_blur(self):
        self.assert_verdict(
            HOLDS, 'C1', reconstructed=self.blurred_images(0.2)
        )
        self.assert_verdict(FAILS, 'C1', reconstructed=self.blurred_images(1))
        # These have as much fine detail as the truth, but of other images.
        self.assert_verdict(
            FAILS,
            'C1',
            reconstructed={
                ('cae2d', 'test'): (self.images, self.images[::-1])
            },
        )
        judgement = self.assert_verdict(OPEN, 'C1')
        self.assertEqual(judgement.why, 'no cae2d')

    def test_c2_slower_and_worse(self):
        n = np.arange(1000)
        fast, slow = 0.01 + np.exp(-n / 50), 0.02 + np.exp(-n / 150)

        def evidence(level, cae2d, cae3d):
            return {
                'reconstructed': {
                    **self.noisy('cae2d', 0.1),
                    **self.noisy('cae3d', level),
                },
                'curves': {
                    ('cae2d', 'train'): cae2d,
                    ('cae3d', 'train'): cae3d,
                },
            }

        judgement = self.assert_verdict(
            HOLDS, 'C2', **evidence(0.2, fast, slow)
        )
        self.assertAlmostEqual(
            judgement.measurements[0].estimate.value, 4, delta=0.1
        )
        self.assert_verdict(FAILS, 'C2', **evidence(0.05, fast, slow))
        self.assert_verdict(FAILS, 'C2', **evidence(0.2, slow, fast))

    def test_c3_overfitting(self):
        epochs = np.arange(1, 41)
        train = np.repeat(1 / epochs, 20)

        def evidence(level, divergence):
            test = np.where(epochs < divergence, 0.9, 1.1) / epochs
            return {
                'reconstructed': {
                    **self.noisy('cae3d', level),
                    **self.noisy('cae3d', 0.1, 'train'),
                },
                'curves': {
                    ('cae3d', 'train'): train,
                    ('cae3d', 'test'): np.append(1, test),
                },
            }

        judgement = self.assert_verdict(HOLDS, 'C3', **evidence(0.2, 10))
        self.assertEqual(judgement.measurements[1].estimate.value, 10 / 40)
        self.assert_verdict(FAILS, 'C3', **evidence(0.2, 30))
        self.assert_verdict(FAILS, 'C3', **evidence(0.05, 10))
        self.assert_verdict(FAILS, 'C3', **evidence(0.2, 99))
        # The test loss at the end of an incomplete epoch does not count.
        cut = evidence(0.2, 10)
        cut['curves']['cae3d', 'train'] = train[:-1]
        judgement = self.assert_verdict(HOLDS, 'C3', **cut)
        self.assertEqual(judgement.measurements[1].estimate.value, 10 / 39)
        short = evidence(0.2, 10)
        short['curves']['cae3d', 'train'] = train[:200]
        judgement = self.assert_verdict(OPEN, 'C3', **short)
        self.assertIn('only 10 epochs', judgement.why)

    def test_c4_ends(self):
        for ends, middle, expected in [(0.2, 0.1, HOLDS), (0.1, 0.2, FAILS)]:
            level = np.full((16, 1, 1), middle)
            level[[0, 1, 14, 15]] = ends
            self.assert_verdict(
                expected, 'C4', reconstructed=self.noisy('cae3d', level)
            )
        few = {('cae3d', 'test'): (self.volumes[:5], self.volumes[:5])}
        self.assert_verdict(OPEN, 'C4', reconstructed=few)
