import csv
import json
import os

from kneerepro.data.report import COLUMNS, Locator, Report, report_paths
from tests.folders import FolderTest


class ReportTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('out', 'v.h5')
        self.sources = [self.path('a'), self.path('b')]

    def add(self, *names, identifiers=False, **row):
        """Write a report with one row; returns the row as JSON."""
        report = Report(self.out)
        locator = Locator(self.sources, identifiers)
        report.add(
            **locator.locate([self.path(name) for name in names]), **row
        )
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

    def test_text_that_is_no_text(self):
        """Neither controls nor formulas reach the table."""
        row = self.add(
            'a/x\udcff\n/1',
            'a/x\udcff\n/2',
            patient='=HYPERLINK("x")\x1b[31m\u202e\x7f',
            series_uid='1.2\x1b',
        )
        # JSON gives back what there was, but nothing of it is raw.
        self.assertEqual(row['folder'], 'x\udcff\n')
        self.assertIn('\x1b[31m\u202e\x7f', row['patient'])
        content = self.read('out/v.report.json')
        self.assertTrue(content.isascii())
        for control in *range(10), *range(11, 32), 127:
            self.assertNotIn(bytes([control]), content)
        csv_content = self.read('out/v.report.csv')
        self.assertEqual(csv_content.count(b'\n'), 2)
        with open(report_paths(self.out)[0], newline='') as file:
            (row,) = csv.DictReader(file)
        self.assertEqual(row['folder'], r'x\xff\n')
        self.assertEqual(row['series_uid'], r'1.2\x1b')
        self.assertEqual(
            row['patient'], '\'=HYPERLINK("x")' + r'\x1b[31m\u202e\x7f'
        )

    def test_formulas(self):
        for text, cell in [
            ('=1+1', "'=1+1"),
            ('@SUM(A1)', "'@SUM(A1)"),
            ('+cmd', "'+cmd"),
            ('-2+3', "'-2+3"),
            ('-12', '-12'),
            ('+1.5e3', '+1.5e3'),
            ('P=1', 'P=1'),
            ('膝', '膝'),
        ]:
            self.add('a/1', patient=text)
            with open(
                report_paths(self.out)[0], newline='', encoding='utf-8'
            ) as file:
                (row,) = csv.DictReader(file)
            self.assertEqual(row['patient'], cell)

    def test_unknown_column(self):
        with self.assertRaises(AssertionError):
            self.add('a/1', colour='red')

    def test_nothing_to_report(self):
        Report(self.out).write()
        self.assertEqual(os.listdir(self.folder), [])
