import unittest

from kneerepro.utils import rst


class TableTest(unittest.TestCase):
    def test_escapes_cells_and_joins_their_lines(self):
        self.assertEqual(
            list(rst.table(['a', ''], [[1, 'x*y\n_z']])),
            [
                '.. list-table::',
                '   :header-rows: 1',
                '',
                '   * - a',
                '     -',
                '   * - 1',
                '     - x\\*y \\_z',
                '',
            ],
        )

    def test_a_dash_is_no_bullet(self):
        lines = list(rst.table(['-', '+'], [['-1', 'a - b']]))
        self.assertEqual(
            lines[3:7],
            ['   * - \\-', '     - \\+', '   * - -1', '     - a - b'],
        )
