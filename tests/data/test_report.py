import csv
import json
import os

from kneerepro.data.report import COLUMNS, Report, report_paths
from tests.folders import FolderTest


class ReportTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('out', 'v.h5')
        self.sources = [self.path('a'), self.path('b')]

    def add(self, *names, identifiers=False, **row):
        """Write a report with one row; returns the row as JSON."""
        report = Report(self.out, self.sources, identifiers)
        report.add([self.path(name) for name in names], **row)
        report.write()
        with open(report_paths(self.out)[1]) as file:
            (row,) = json.load(file)
        return row

    def test_columns(self):
        row = self.add('a/1', decision='rejected')
        self.assertEqual(list(row), COLUMNS)
        self.assertEqual((row['decision'], row['code']), ('rejected', ''))

    def test_csv(self):
        self.add(
            'a/1',
            'a/2',
            notes=['REORIENTED', 'SIDE_UNKNOWN'],
            spacing_mm=[1.5, 0.25, 0.25],
        )
        with open(report_paths(self.out)[0], newline='') as file:
            (row,) = csv.DictReader(file)
        self.assertEqual(list(row), COLUMNS)
        self.assertEqual(
            (row['files'], row['notes'], row['spacing_mm']),
            ('2', 'REORIENTED SIDE_UNKNOWN', '1.5 0.25 0.25'),
        )

    def test_folder(self):
        for names, source, folder, files in [
            (['a/x/1', 'a/x/2'], 1, 'x', ['1', '2']),
            (['b/1'], 2, '.', ['1']),
            (['b/x/1', 'b/y/z/2'], 2, '.', ['x/1', 'y/z/2']),
            (['a/1', 'b/1'], '', '', ['a/1', 'b/1']),
        ]:
            row = self.add(*names)
            self.assertEqual(
                (row['source'], row['folder'], row['files']),
                (source, folder, files),
            )

    def test_file_as_source(self):
        self.sources = [self.write('a/v.npy')]
        row = self.add('a/v.npy')
        self.assertEqual((row['source'], row['folder']), (1, '.'))

    def test_identifiers(self):
        row = self.add('a/x/1', identifiers=True)
        self.assertEqual(row['folder'], self.path('a', 'x'))

    def test_unknown_column(self):
        with self.assertRaises(AssertionError):
            self.add('a/1', colour='red')

    def test_nothing_to_report(self):
        Report(self.out, self.sources).write()
        self.assertEqual(os.listdir(self.folder), [])
