import unittest

from tests.benchmarks.common import benchmark


class CompareTest(unittest.TestCase):
    def test_means_and_greatest_differences(self):
        plain = [2.0] * 10 + [1.0] * 10
        losses = {
            'float32': {'train': plain},
            # The greatest difference is not among the last iterations.
            'bf16': {'train': [1.5, *plain[1:-2], 1.25, 1.25]},
            'perturbed': {'train': [*plain[:-1], 1.02]},
        }
        result = benchmark('precision').compare({'losses': losses})
        self.assertEqual(set(result), {'train'})
        for name, expected in {
            'float32': 1.0,
            'bf16': 1.25,
            'difference': 0.25,
            'perturbed': 0.01,
        }.items():
            self.assertAlmostEqual(result['train'][name], expected)
