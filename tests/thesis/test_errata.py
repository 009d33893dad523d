import unittest

from kneerepro import config, thesis
from kneerepro.registry import THESIS
from kneerepro.thesis import errata


class ErrataTest(unittest.TestCase):
    def test_all_are_there(self):
        self.assertEqual(list(errata.ERRATA), [f'E{i}' for i in range(1, 22)])

    def test_corrections_name_printed_cells(self):
        for name, erratum in errata.ERRATA.items():
            for correction in sum(
                (erratum.default_reading, *erratum.other_readings), ()
            ):
                if correction.table == 'text':
                    keys = {
                        statement.key
                        for experiment in correction.experiments or ['cae2d']
                        for statement in thesis.STATEMENTS[experiment]
                    }
                    self.assertIn(correction.column, keys, name)
                else:
                    table = thesis.TABLES[correction.table]
                    self.assertIn(correction.column, table.columns, name)
                    self.assertLess(max(correction.values), len(table.rows))
                self.assertLessEqual(set(correction.experiments), set(THESIS))

    def test_parameters_have_these_values(self):
        for erratum in errata.ERRATA.values():
            for name, text in erratum.parameters.items():
                config.read_parameter(name, text)
