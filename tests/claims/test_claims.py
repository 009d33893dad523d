import unittest
from types import SimpleNamespace

import numpy as np

from kneerepro import claims
from kneerepro.claims.measurement import (
    FAILS,
    HOLDS,
    OPEN,
    Measurement,
    verdict,
)
from kneerepro.measures.bootstrap import Estimate
from kneerepro.measures.reconstruction import blurred
from kneerepro.utils.errors import UserError

BY_NUMBER = {claim.number: claim for claim in claims.CLAIMS}


class Made:
    """Evidence made by hand: what a test does not give is not there."""

    def __init__(self, curves=(), reconstructed=(), generated=(), real=None):
        self._curves, self._reconstructed = dict(curves), dict(reconstructed)
        self._generated, self._real = dict(generated), real

    def same_data(self, *experiments):
        pass

    def require_learned(self, *experiments):
        pass

    def run(self, experiment):
        return SimpleNamespace(parameters={'nz': 16})

    def curve(self, experiment, name):
        return self._curves[experiment, name]

    def per_epoch(self, experiment):
        return 20

    def reconstructed(self, experiment, part='test'):
        try:
            return self._reconstructed[experiment, part]
        except KeyError:
            raise UserError(f'no {experiment}') from None

    def real_size(self, experiment):
        return len(self._real[0])

    def real(self, experiment):
        return self._real

    def training_images(self, experiment):
        if experiment == 'cae2d':
            return smooth_images(9, 40)
        return np.concatenate(self._real)

    def generated(self, experiment):
        return self._generated[experiment]

    def features(self, images):
        # Means of blocks: 4 x 4 of them.
        return images.reshape(-1, 4, 16, 4, 16).mean((2, 4)).reshape(-1, 16)


def smooth_images(seed, count):
    noise = np.random.RandomState(seed).rand(count, 64, 64)
    return (0.5 + 8 * (blurred(noise, 4) - 0.5)).clip(0, 1)


class ClaimTest(unittest.TestCase):
    def judge(self, number, **evidence):
        return claims.judge(BY_NUMBER[number], Made(**evidence))

    def assert_verdict(self, expected, number, **evidence):
        found = self.judge(number, **evidence)
        self.assertEqual(found.verdict, expected, found)
        return found


class VerdictTest(unittest.TestCase):
    def test_sides_of_a_threshold(self):
        for low, high, above, below in [
            (2, 3, HOLDS, FAILS),
            (0, 0.5, FAILS, HOLDS),
            (0.5, 2, OPEN, OPEN),
            (float('nan'), 2, OPEN, OPEN),
            (1, 1, FAILS, FAILS),
        ]:
            for side, expected in ('above', above), ('below', below):
                self.assertEqual(
                    verdict(
                        Measurement(
                            '', Estimate(1, low, high, (9,)), '', side, 1.0
                        )
                    ),
                    expected,
                    (low, high, side),
                )

    def test_without_an_interval(self):
        for value, above in (2, HOLDS), (1, FAILS), (0, FAILS):
            self.assertEqual(
                verdict(
                    Measurement(
                        '', Estimate(value, None, None, (9,)), '', 'above', 1.0
                    )
                ),
                above,
            )

    def test_all_have_to_hold(self):
        def one(name, low, high):
            return Measurement(
                name, Estimate(low, low, high, (9,)), '', 'above', 1.0
            )

        good, bad, wide = one('a', 2, 3), one('b', 0, 0.5), one('c', 0, 2)
        beside = Measurement('d', Estimate(0, 0, 0, (9,)), '')
        for measurements, expected in [
            ([good, beside], HOLDS),
            ([good, bad, wide], FAILS),
            ([good, wide], OPEN),
        ]:
            claim = claims.Claim(
                'C0', ('cae2d',), '', lambda evidence: measurements
            )
            found = claims.judge(claim, Made())
            self.assertEqual(found.verdict, expected)
        self.assertIn('c', found.why)


class AutoencodersTest(ClaimTest):
    def setUp(self):
        rng = np.random.RandomState(0)
        self.images = blurred(rng.rand(20, 64, 64), 1)
        self.volumes = blurred(rng.rand(8 * 16, 64, 64), 1).reshape(
            8, 16, 64, 64
        )

    def blur(self, sigma):
        return {('cae2d', 'test'): (self.images, blurred(self.images, sigma))}

    def noisy(self, experiment, level, part='test'):
        truth = self.images if experiment == 'cae2d' else self.volumes
        noise = np.random.RandomState(1).normal(0, level, truth.shape)
        return {(experiment, part): (truth, truth + noise)}

    def test_c1(self):
        self.assert_verdict(HOLDS, 'C1', reconstructed=self.blur(0.2))
        self.assert_verdict(FAILS, 'C1', reconstructed=self.blur(1))
        # As much fine detail as in the truth, but another.
        self.assert_verdict(
            FAILS,
            'C1',
            reconstructed={
                ('cae2d', 'test'): (self.images, self.images[::-1])
            },
        )
        found = self.assert_verdict(OPEN, 'C1')
        self.assertEqual(found.why, 'no cae2d')

    def test_c2(self):
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

        found = self.assert_verdict(HOLDS, 'C2', **evidence(0.2, fast, slow))
        self.assertAlmostEqual(
            found.measurements[0].estimate.value, 4, delta=0.1
        )
        self.assert_verdict(FAILS, 'C2', **evidence(0.05, fast, slow))
        self.assert_verdict(FAILS, 'C2', **evidence(0.2, slow, fast))

    def test_c3(self):
        epochs = np.arange(1, 41)
        train = np.repeat(1 / epochs, 20)

        def evidence(level, parting):
            test = np.where(epochs < parting, 0.9, 1.1) / epochs
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

        found = self.assert_verdict(HOLDS, 'C3', **evidence(0.2, 10))
        self.assertEqual(found.measurements[1].estimate[0], 10 / 40)
        self.assert_verdict(FAILS, 'C3', **evidence(0.2, 30))
        self.assert_verdict(FAILS, 'C3', **evidence(0.05, 10))
        self.assert_verdict(FAILS, 'C3', **evidence(0.2, 99))
        # The test loss at the end of an epoch that is not whole is left out.
        cut = evidence(0.2, 10)
        cut['curves']['cae3d', 'train'] = train[:-1]
        found = self.assert_verdict(HOLDS, 'C3', **cut)
        self.assertEqual(found.measurements[1].estimate[0], 10 / 39)
        short = evidence(0.2, 10)
        short['curves']['cae3d', 'train'] = train[:200]
        found = self.assert_verdict(OPEN, 'C3', **short)
        self.assertIn('10 epochs', found.why)

    def test_c4(self):
        for ends, middle, expected in [(0.2, 0.1, HOLDS), (0.1, 0.2, FAILS)]:
            level = np.full((16, 1, 1), middle)
            level[[0, 1, 14, 15]] = ends
            self.assert_verdict(
                expected, 'C4', reconstructed=self.noisy('cae3d', level)
            )
        few = {('cae3d', 'test'): (self.volumes[:5], self.volumes[:5])}
        self.assert_verdict(OPEN, 'C4', reconstructed=few)


class GansTest(ClaimTest):
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

    def test_c5(self):
        found = self.assert_verdict(
            HOLDS, 'C5', **self.evidence(dcgan=self.collapsed)
        )
        self.assertGreater(found.measurements[2].estimate.value, 0.9)
        found = self.assert_verdict(
            FAILS, 'C5', **self.evidence(dcgan=self.good)
        )
        self.assertIn('recall', found.why)

    def test_c5_needs_images_and_features(self):
        evidence = self.evidence(dcgan=self.good)
        truth = self.real[1]
        evidence['reconstructed']['cae2d', 'test'] = (
            truth,
            np.broadcast_to(truth.mean(0), truth.shape),
        )
        found = self.assert_verdict(OPEN, 'C5', **evidence)
        self.assertIn('not trained', found.why)
        evidence = self.evidence(dcgan=self.good[:31])
        evidence['real'] = self.real[:, :31]
        found = self.assert_verdict(OPEN, 'C5', **evidence)
        self.assertIn('at least 32', found.why)

    def test_c9(self):
        found = self.assert_verdict(
            HOLDS,
            'C9',
            **self.evidence(dcgan=self.collapsed, wgan_gp=self.good),
        )
        nearest = [
            one
            for one in found.measurements
            if one.name.startswith('distance to the nearest')
        ]
        self.assertAlmostEqual(nearest[0].estimate.value, 1, delta=0.1)
        found = self.assert_verdict(
            FAILS,
            'C9',
            **self.evidence(dcgan=self.good, wgan_gp=self.collapsed),
        )
        nearest = [
            one
            for one in found.measurements
            if one.name.startswith('distance to the nearest')
        ]
        self.assertLess(nearest[0].estimate.value, 0.05)


class CurvesTest(ClaimTest):
    def setUp(self):
        self.noise = np.random.RandomState(0).normal(size=(2, 2000))
        self.n = np.arange(2000)

    def test_c6(self):
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
        found = self.assert_verdict(
            OPEN,
            'C6',
            curves={
                ('dcgan', 'discriminator'): np.ones(40),
                ('dcgan', 'generator'): np.ones(40),
            },
        )
        self.assertIn('40 iterations', found.why)

    def test_c7(self):
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

    def test_c8(self):
        for count, expected in (0, FAILS), (2, FAILS), (5, HOLDS), (80, FAILS):
            curve = self.noise[0].copy()
            curve[self.n[:: 2000 // (count + 1)][1 : count + 1]] += 20
            found = self.assert_verdict(
                expected, 'C8', curves={('wgan_gp', 'critic'): curve}
            )
            self.assertEqual(found.measurements[0].estimate.value, count)
