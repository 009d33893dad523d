"""Filters of more sizes than the fast tests have.

``make test-slow`` starts this.
"""

from tests.engine.kernels.test_conv_winograd import FiltersTest


class AllFiltersTest(FiltersTest):
    def test_images(self):
        self.check_images((2, 1), (3, 2), (4, 2), (6, 2))

    def test_volumes(self):
        self.check_volumes((3, 1))

    def test_axes_that_differ(self):
        self.check((9, 8), (3, 5), [1, 2], [0, 2])

    def test_single_precision(self):
        self.check_single_precision((2, 3, 1), (3, 5, 2))
