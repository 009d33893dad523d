import unittest

import numpy as np

from tests.docs.common import documentation


class DrawTest(unittest.TestCase):
    def test_skips_unmeasured_iterations(self):
        spreads = {
            'first': np.array([0.3, np.nan, 0.2]),
            'second': np.array([np.nan, 0.0, np.nan]),
        }
        (axes,) = documentation('spread_figure').draw(spreads).axes
        lines = axes.get_lines()
        np.testing.assert_array_equal(
            lines[0].get_xydata(), [[0, 0.3], [2, 0.2]]
        )
        np.testing.assert_array_equal(lines[1].get_xydata(), [[1, 1e-9]])
        self.assertEqual(lines[2].get_ydata()[0], 1e-3)
