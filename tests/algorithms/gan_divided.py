"""A network with second derivatives and batch normalisation on two processes.

``make test-slow`` starts this.
"""

from tests.algorithms import test_divided


class DividedGANTest(test_divided.DividedTrainingTest):
    test_autoencoder = None  # it is tested there

    def test_second_derivatives_and_batch_normalisation(self):
        self.assert_equal_to_one_process(2, 'float64', 1e-9, ['wgan_gp'])
