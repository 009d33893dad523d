import math
import unittest

import numpy as np

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    torch,
    torch_mode,
)
from tests.engine.training import (
    NETWORKS,
    TOLERANCES,
    Training,
    difference,
)

if torch:
    from tests.engine.fake_cuda_graphs import FakeCudaGraphs, recording_modes
    from tests.engine.meta_device import device_part

# One rounding to bfloat16 changes a number by at most 2**-8 of it. The errors
# of a dozen layers have both signs and stay below four times that.
BF16_TOLERANCE = 2**-6
BATCH_SIZE = 2  # Theano's Python code takes seconds for each image


class NetworksTest(EngineTest):
    """A few iterations of the training steps.

    ``make test-slow`` compares all networks. ``make test-engine`` compares
    more iterations, in both precisions, with Theano's C code."""

    width = 1.0  # of the networks, as a factor
    _found = {}

    def train(self, network, mode, iterations=2):
        return self.training(network, mode, iterations).run()

    def training(self, network, mode, iterations):
        return Training(network, mode, iterations, BATCH_SIZE, self.width)

    def plain(self, network):
        """A training on the engine without recordings."""
        if network not in self._found:
            self._found[network] = self.train(
                network, torch_mode(DEVICE, cuda_graphs=False, tf32=False)
            )
        return self._found[network]

    def check_as_in_theano(self, *networks):
        for network in networks:
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

    def check_in_bf16(self, *networks):
        for network in networks:
            with self.subTest(network):
                found = self.train(network, torch_mode(DEVICE, 'bf16'))
                plain = self.plain(network)
                self.assertLess(
                    difference(found.losses, plain.losses), BF16_TOLERANCE
                )
                self.assertGreater(
                    difference(found.outputs, plain.outputs),
                    TOLERANCES['float32'],
                )

    def check_replayed(self, *networks):
        # With fake CUDA graphs, the results are the same to the bit.
        if DEVICE != 'cpu':
            self.skipTest('on CUDA, real CUDA graphs are tested instead')
        for network in networks:
            with self.subTest(network):
                # The same functions train before and after they are
                # recorded, since compiling takes most of the time.
                graphs = FakeCudaGraphs(calls=math.inf)
                training = self.training(
                    network, recording_modes(graphs)[0], 2
                )
                state = training.state()
                expected = training.run()
                self.assertEqual(graphs.recorded, 0)
                for variable, value in state:
                    variable.set_value(value)
                graphs.calls = 0
                found = training.run()
                for name in 'losses', 'outputs', 'parameters':
                    self.assertEqual(
                        difference(
                            getattr(found, name), getattr(expected, name)
                        ),
                        0,
                    )
                # The graph that is optimised for the CPU agrees as well.
                self.assertLess(
                    difference(found.losses, self.plain(network).losses),
                    TOLERANCES['float32'],
                )
                for step in found.steps:
                    self.assertIsNone(step.fn.program.not_captured)
                    self.assertEqual(step.fn.program.recordings, 1)
                # Each step was replayed twice, and each other function once.
                self.assertEqual(
                    graphs.replayed, 2 * len(found.steps) + len(found.outputs)
                )
                # No step makes the host wait.
                size = (32,) * 3 if network == 'cae3d' else (64, 64)
                for step in found.steps:
                    device_part(
                        step,
                        np.zeros((BATCH_SIZE, 1, *size), 'float32'),
                    )


class TrainingTest(NetworksTest):
    width = 1 / 2
    _found = {}

    def test_as_in_theano(self):
        # Three dimensions, and second derivatives.
        self.check_as_in_theano('cae3d', 'wgan_gp')

    def test_in_bf16(self):
        self.check_in_bf16('dcgan')

    def test_replayed(self):
        self.check_replayed('cae3d', 'wgan_gp')

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
