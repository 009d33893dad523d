import unittest

import numpy as np

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    torch,
    torch_mode,
)
from tests.engine.training import NETWORKS, TOLERANCES, difference, train

if torch:
    from tests.engine.no_numbers import device_part
    from tests.engine.repetition import Repetition, repeating_modes

# One rounding to bfloat16 is off by 2**-8 at most. What a dozen of layers add
# is of either sign: four times that is more than it comes to.
IN_BF16 = 2**-6


class TrainingTest(EngineTest):
    """A few iterations of the training steps; ``make test-engine`` compares
    more of them, with Theano's C code and in both precisions."""

    _found = {}

    def train(self, network, mode, iterations=2):
        return train(network, mode, iterations, batch_size=4)

    def plain(self, network):
        """On the engine, without recordings."""
        if network not in self._found:
            self._found[network] = self.train(
                network, torch_mode(DEVICE, cuda_graphs=False, tf32=False)
            )
        return self._found[network]

    def test_as_in_theano(self):
        for network in NETWORKS:
            with self.subTest(network):
                found = self.plain(network)
                expected = self.train(network, REFERENCE)
                self.assertLess(
                    difference(found.losses, expected.losses),
                    TOLERANCES['float32'],
                )
                self.assertLess(
                    difference(found.outputs, expected.outputs),
                    TOLERANCES['float32'],
                )

    def test_replayed(self):
        # With what stands in for CUDA graphs: the same to the bit.
        if DEVICE != 'cpu':
            self.skipTest('on CUDA, CUDA graphs are tested')
        for network in NETWORKS:
            with self.subTest(network):
                graphs = Repetition()
                found, expected = (
                    self.train(network, repeating_modes(one)[0])
                    for one in (graphs, None)
                )
                for a, b in zip(found[:3], expected[:3]):
                    self.assertEqual(difference(a, b), 0)
                # As the graph that is optimised for the CPU.
                self.assertLess(
                    difference(found.losses, self.plain(network).losses),
                    TOLERANCES['float32'],
                )
                for step in found.steps:
                    self.assertIsNone(step.fn.program.not_captured)
                    self.assertEqual(step.fn.program.recordings, 1)
                # Each of them twice, and all else that is called.
                self.assertEqual(
                    graphs.replayed, 2 * len(found.steps) + len(found.outputs)
                )
                # And nothing in them has the host wait.
                size = (32,) * 3 if network == 'cae3d' else (64, 64)
                for step in found.steps:
                    device_part(step, np.zeros((4, 1, *size), 'float32'))

    @unittest.skipUnless(torch and torch.cuda.is_available(), 'no CUDA device')
    def test_with_cuda_graphs(self):
        for network in NETWORKS:
            with self.subTest(network):
                found, expected = (
                    self.train(
                        network,
                        torch_mode('cuda', cuda_graphs=graphs, tf32=False),
                        6,
                    )
                    for graphs in (True, False)
                )
                self.assertLess(
                    difference(found.losses, expected.losses),
                    TOLERANCES['float32'],
                )
                for step in found.steps:
                    self.assertIsNone(step.fn.program.not_captured)
                    self.assertEqual(step.fn.program.recordings, 1)

    def test_in_bf16(self):
        for network in NETWORKS:
            with self.subTest(network):
                found = self.train(network, torch_mode(DEVICE, 'bf16'))
                plain = self.plain(network)
                self.assertLess(
                    difference(found.losses, plain.losses), IN_BF16
                )
                self.assertGreater(
                    difference(found.outputs, plain.outputs),
                    TOLERANCES['float32'],
                )
