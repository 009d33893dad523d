"""Evidence for tests, without runs and networks."""

import unittest
from types import SimpleNamespace

import numpy as np

from kneerepro import claims
from kneerepro.measures.reconstruction import blurred
from kneerepro.utils.errors import UserError

CLAIMS = {claim.number: claim for claim in claims.CLAIMS}


def smooth_images(seed, count):
    noise = np.random.RandomState(seed).rand(count, 64, 64)
    return (0.5 + 8 * (blurred(noise, 4) - 0.5)).clip(0, 1)


class FakeEvidence:
    """Stands for :class:`kneerepro.claims.evidence.Evidence`.

    It has only the curves, reconstructions and images that a test gives it.
    """

    def __init__(self, curves=(), reconstructed=(), generated=(), real=None):
        self._curves, self._reconstructed = dict(curves), dict(reconstructed)
        self._generated, self._real = dict(generated), real

    def require_same_data(self, *experiments):
        pass

    def require_learned(self, *experiments):
        pass

    def run(self, experiment):
        return SimpleNamespace(parameters={'nz': 16})

    def curve(self, experiment, name):
        return self._curves[experiment, name]

    def iterations_per_epoch(self, experiment):
        return 20

    def reconstructions(self, experiment, part='test'):
        try:
            return self._reconstructed[experiment, part]
        except KeyError:
            raise UserError(f'no {experiment}') from None

    def sample_size(self, experiment):
        return len(self._real[0])

    def real_images(self, experiment):
        return self._real

    def training_images(self, experiment):
        if experiment == 'cae2d':
            return smooth_images(9, 40)
        return np.concatenate(self._real)

    def generated_images(self, experiment):
        return self._generated[experiment]

    def features(self, images):
        """The means of 4 x 4 blocks of an image."""
        return images.reshape(-1, 4, 16, 4, 16).mean((2, 4)).reshape(-1, 16)


class ClaimTest(unittest.TestCase):
    def assert_verdict(self, expected, number, **evidence):
        """Judge a claim by this evidence; return the judgement."""
        judgement = claims.judge(CLAIMS[number], FakeEvidence(**evidence))
        self.assertEqual(judgement.verdict, expected, judgement)
        return judgement
