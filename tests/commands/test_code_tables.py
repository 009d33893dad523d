import csv
import unittest
from unittest import mock

import numpy as np

from kneerepro.commands import code_tables
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest

try:
    import pyarrow.parquet as parquet
except ImportError:
    parquet = None
try:
    import pandas
except ImportError:
    pandas = None

CODES = np.random.RandomState(0).rand(5, 3).astype('float32')
COLUMNS = {
    'volume': [0, 0, 1, 1, 1],
    'slice': [1, 2, 1, 2, 3],
    'patient': ['007', '007', 'b', 'b', 'b'],
    'side': ['LEFT', 'LEFT', '', '', ''],
}
NAMES = ['volume', 'slice', 'patient', 'side', 'z1', 'z2', 'z3']


def batches():
    for rows in slice(0, 2), slice(2, 5):
        yield {name: c[rows] for name, c in COLUMNS.items()}, CODES[rows]


class CodeTablesTest(FolderTest):
    def write_table(self, name):
        path = self.path(name)
        self.assertEqual(code_tables.writer_for(path)(path, batches()), 5)
        return path

    def test_csv(self):
        with open(self.write_table('codes.csv'), newline='') as file:
            rows = list(csv.reader(file))
        self.assertEqual(rows[0], NAMES)
        self.assertEqual(rows[1][:4], ['0', '1', '007', 'LEFT'])
        self.assertEqual(rows[5][:4], ['1', '3', 'b', ''])
        np.testing.assert_array_equal(
            np.array([row[4:] for row in rows[1:]], 'float32'), CODES
        )

    def test_npz(self):
        with np.load(self.write_table('codes.npz')) as file:
            self.assertEqual(file['codes'].dtype, 'float32')
            np.testing.assert_array_equal(file['codes'], CODES)
            self.assertEqual(set(file), {'codes', *COLUMNS})
            for name, values in COLUMNS.items():
                self.assertEqual(file[name].tolist(), values)

    @unittest.skipIf(parquet is None, 'no pyarrow')
    def test_parquet(self):
        for rows, groups in [(10, 1), (2, 2)]:
            with mock.patch.object(code_tables, '_ROW_GROUP', rows):
                path = self.write_table('codes.parquet')
            self.assertEqual(parquet.ParquetFile(path).num_row_groups, groups)
            table = parquet.read_table(path)
            self.assertEqual(table.column_names, NAMES)
            self.assertEqual(
                [str(field.type) for field in table.schema],
                ['int64'] * 2 + ['string'] * 2 + ['float'] * 3,
            )
            for name, values in COLUMNS.items():
                self.assertEqual(table[name].to_pylist(), values)
            for i in range(3):
                np.testing.assert_array_equal(table[f'z{i + 1}'], CODES[:, i])

    @unittest.skipIf(pandas is None, 'no pandas')
    def test_pandas(self):
        codes = ['z1', 'z2', 'z3']
        frame = pandas.read_csv(self.write_table('codes.csv'))
        self.assertEqual(list(frame), NAMES)
        np.testing.assert_array_equal(frame[codes].astype('float32'), CODES)
        if parquet is None:
            return
        frame = pandas.read_parquet(self.write_table('codes.parquet'))
        self.assertEqual(list(frame), NAMES)
        self.assertTrue((frame.dtypes[codes] == 'float32').all())
        np.testing.assert_array_equal(frame[codes], CODES)
        self.assertEqual(list(frame['patient']), COLUMNS['patient'])
        self.assertEqual(list(frame['side']), COLUMNS['side'])


class WriterForTest(unittest.TestCase):
    def test_extensions(self):
        for name in 'a.txt', 'a', 'csv', 'a.csv.gz':
            with self.assertRaisesRegex(
                UserError, r'must be \.csv or \.npz or \.parquet'
            ):
                code_tables.writer_for(name)

    def test_without_pyarrow(self):
        with (
            mock.patch('importlib.util.find_spec', return_value=None),
            self.assertRaisesRegex(
                UserError, 'pyarrow, which is not installed: pip install'
            ),
        ):
            code_tables.writer_for('a.parquet')
