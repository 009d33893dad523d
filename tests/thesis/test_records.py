import unittest

from kneerepro.thesis.records import Comparison


class ComparisonTest(unittest.TestCase):
    def comparison(self, **changes):
        return Comparison(
            **{
                'number': '2.1',
                'title': '',
                'subject': 'encoder',
                'experiment': 'cae2d',
                'derived': False,
                'parameters': None,
                'rows': [],
                **changes,
            }
        )

    def test_table(self):
        self.assertEqual(self.comparison().table, 'Table 2.1')
        self.assertEqual(
            self.comparison(derived=True).table, 'Table 2.1 in 3D'
        )
        self.assertEqual(self.comparison(number='text').table, 'the text')

    def test_place(self):
        self.assertEqual(self.comparison().place, 'Table 2.1 (encoder)')
        self.assertEqual(
            self.comparison(number='2.5', experiment=None).place, 'Table 2.5'
        )
