import functools

from theano.compile.mode import Mode

from tests.engine.compare import (
    DEVICE, REFERENCE, EngineTest, TorchLinker, torch_mode)
from tests.engine.training import NETWORKS, TOLERANCES, difference, train


# Two images: Theano's Python implementations take their time.
train_briefly = functools.partial(train, iterations=2, batch_size=2)


@functools.lru_cache(None)
def on_the_engine(network):
    return train_briefly(network, torch_mode(DEVICE))


class TrainingTest(EngineTest):
    """A few iterations of the training steps; ``make test-engine`` compares
    more of them, with Theano's C code and in both precisions."""

    def test_as_in_theano(self):
        for network in NETWORKS:
            with self.subTest(network):
                found = on_the_engine(network)
                expected = train_briefly(network, REFERENCE)
                self.assertLess(difference(found.losses, expected.losses),
                                TOLERANCES['float32'])
                self.assertLess(difference(found.outputs, expected.outputs),
                                TOLERANCES['float32'])

    def test_with_values_on_the_device(self):
        resident = Mode(TorchLinker(DEVICE, resident=True),
                        torch_mode(DEVICE).provided_optimizer)
        for network in 'cae2d', 'dcgan':
            with self.subTest(network):
                for found, expected in zip(train_briefly(network, resident),
                                           on_the_engine(network)):
                    self.assertEqual(difference(found, expected), 0)
