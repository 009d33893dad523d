from functools import lru_cache

from theano.compile.mode import Mode

from tests.engine.compare import (
    DEVICE, REFERENCE, EngineTest, TorchLinker, torch_mode)
from tests.engine.training import NETWORKS, TOLERANCES, difference, train


# One rounding to bfloat16 is off by 2**-8 at most. What a dozen of layers add
# is of either sign: four times that is more than it comes to.
IN_BF16 = 2**-6


class TrainingTest(EngineTest):
    """A few iterations of the training steps; ``make test-engine`` compares
    more of them, with Theano's C code and in both precisions."""

    def train(self, network, mode):
        return train(network, mode, iterations=2, batch_size=4)

    @lru_cache(maxsize=None)
    def on_the_engine(self, network):
        return self.train(network, torch_mode(DEVICE))

    def test_as_in_theano(self):
        for network in NETWORKS:
            with self.subTest(network):
                found = self.on_the_engine(network)
                expected = self.train(network, REFERENCE)
                self.assertLess(difference(found.losses, expected.losses),
                                TOLERANCES['float32'])
                self.assertLess(difference(found.outputs, expected.outputs),
                                TOLERANCES['float32'])

    def test_with_values_on_the_device(self):
        plain = torch_mode(DEVICE)
        resident = Mode(TorchLinker(DEVICE, resident=True),
                        plain.provided_optimizer)
        for network in 'cae2d', 'dcgan':
            with self.subTest(network):
                for found, expected in zip(self.train(network, resident),
                                           self.train(network, plain)):
                    self.assertEqual(difference(found, expected), 0)

    def test_in_bf16(self):
        for network in NETWORKS:
            with self.subTest(network):
                found = self.train(network, torch_mode(DEVICE, 'bf16'))
                plain = self.on_the_engine(network)
                self.assertLess(difference(found.losses, plain.losses),
                                IN_BF16)
                self.assertGreater(difference(found.outputs, plain.outputs),
                                   TOLERANCES['float32'])
