from theano.compile.mode import Mode

from tests.engine.compare import (
    DEVICE, REFERENCE, EngineTest, TorchLinker, torch_mode)
from tests.engine.training import NETWORKS, TOLERANCES, difference, train


class TrainingTest(EngineTest):
    """A few iterations of the training steps; ``make test-engine`` compares
    more of them, with Theano's C code and in both precisions."""

    def train(self, network, mode):
        return train(network, mode, iterations=2, batch_size=4)

    def test_as_in_theano(self):
        for network in NETWORKS:
            with self.subTest(network):
                found = self.train(network, torch_mode(DEVICE))
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
