"""All networks on several processes: ``make test-distributed``."""

from kneerepro.registry import THESIS
from tests.algorithms import test_divided
from tests.algorithms.divided import BUILD


class AllDividedTest(test_divided.DividedTrainingTest):
    def test_two_processes_in_double_precision(self):
        self.assert_equal_to_one_process(2, 'float64', 1e-9, list(BUILD))

    def test_three_processes_in_double_precision(self):
        self.assert_equal_to_one_process(3, 'float64', 1e-9, list(BUILD))

    def test_three_processes_in_single_precision(self):
        # The critic has parameters that begin at 0 and are as small as Adam's
        # steps, of which rounding errors change some on some processors.
        self.assert_equal_to_one_process(
            3, 'float32', 1e-4, THESIS, only_losses=['wgan_gp']
        )
