"""Training on several processes gives what one process gives.

``make test-slow`` trains the network with second derivatives and batch
normalisation, and ``make test-distributed`` trains all, on two processes and
on three.
"""

import json
import unittest

from tests.engine.compare import torch
from tests.processes import assert_all_succeed, run_processes

#: The calls of the two steps, as in docs/distributed.rst.
CALLS = {'dcgan': [19, 22], 'wgan_gp': [30, 22]}


@unittest.skipUnless(torch, 'PyTorch is not installed')
class DividedTrainingTest(unittest.TestCase):
    def train(self, count, precision, networks):
        processes = run_processes(
            count,
            '-m',
            'tests.algorithms.divided',
            *networks,
            THEANO_FLAGS=f'floatX={precision}',
        )
        assert_all_succeed(self, processes)
        return json.loads(processes[0][1].splitlines()[-1])

    def assert_equal_to_one_process(
        self, count, precision, tolerance, networks, only_losses=()
    ):
        results = self.train(count, precision, networks)
        self.assertEqual(list(results), networks)
        for network, result in results.items():
            with self.subTest(network):
                self.assertTrue(result['replicas are equal'])
                for name, difference in result['differences'].items():
                    if name == 'losses' or network not in only_losses:
                        self.assertLess(difference, tolerance, name)
                if network in CALLS:
                    # Nothing that has a row for each example is sent.
                    self.assertEqual(sum(result['gathers']), 0)
                    self.assertEqual(result['calls'], CALLS[network])

    def test_autoencoder(self):
        self.assert_equal_to_one_process(2, 'float64', 1e-9, ['cae2d'])
