import unittest

from kneerepro.data.decisions import Decisions, Summary, Tally
from kneerepro.data.outcomes import Outcome, outcomes_of_files
from tests.data.test_outcomes import (
    LOCATOR,
    FakeCatalogue,
    conversion,
    outcome,
    record,
)


class FakeReport:
    def __init__(self):
        self.rows = []

    def add(self, **row):
        self.rows.append(row)


class DecisionsTest(unittest.TestCase):
    def setUp(self):
        self.report = FakeReport()
        self.decisions = Decisions(self.report)

    def add(self, outcome):
        """Add a series or a file; returns its row in the report."""
        self.volume = self.decisions.add(outcome)
        return self.report.rows[-1]

    def test_converted(self):
        series = outcome(record(), conversion())
        row = self.add(series)
        self.assertEqual(
            row,
            {
                'volume': 0,
                'decision': 'converted',
                'code': '',
                'reason': '',
                'notes': ['REORIENTED'],
                **series.row,
            },
        )
        self.assertEqual(self.volume, series.volume)
        self.assertEqual(self.decisions.volumes, [series.volume])
        self.assertEqual(
            self.decisions.summary(), Summary(1, 0, 0, {'REORIENTED': 1})
        )

    def test_rejected(self):
        row = self.add(Outcome('rejected', {}, 'NOT_MR', 'its modality'))
        self.assertEqual(
            (row['decision'], row['code'], row['reason'], row['notes']),
            ('rejected', 'NOT_MR', 'its modality', []),
        )
        self.assertEqual(row['volume'], '')
        self.assertIsNone(self.volume)
        self.assertEqual(
            self.decisions.summary(), Summary(0, 1, 0, {'NOT_MR': 1})
        )

    def test_same_pixels(self):
        for pixel_hash in 'a', 'b':
            self.add(outcome(record(), conversion(pixel_hash)))
        row = self.add(outcome(record(), conversion('b')))
        self.assertEqual(row['code'], 'DUPLICATE_PIXELS')
        self.assertIn('volume 1', row['reason'])
        self.assertEqual(row['notes'], [])
        self.assertIsNone(self.volume)
        self.assertEqual(len(self.decisions.volumes), 2)
        # It takes no number.
        row = self.add(outcome(record(), conversion('c')))
        self.assertEqual(row['volume'], 2)
        self.assertEqual(
            self.decisions.summary(),
            Summary(3, 1, 0, {'REORIENTED': 3, 'DUPLICATE_PIXELS': 1}),
        )

    def test_not_selected(self):
        row = self.add(outcome(record(selected=False)))
        self.assertEqual((row['decision'], row['code']), ('not selected', ''))
        self.assertEqual(self.decisions.summary(), Summary(0, 0, 1, {}))

    def test_files(self):
        for file in outcomes_of_files(FakeCatalogue(), LOCATOR):
            self.add(file)
        self.assertEqual(
            [
                (row['files'], row['decision'], row['code'])
                for row in self.report.rows
            ],
            [
                (['readme.txt'], 'passed over', ''),
                (['damaged'], 'rejected', 'NOT_DICOM'),
            ],
        )
        self.assertEqual(
            self.decisions.summary(), Summary(0, 1, 0, {'NOT_DICOM': 1})
        )


class TallyTest(unittest.TestCase):
    def test_each_by_itself(self):
        tally = Tally()
        for series in [
            outcome(record(), conversion()),
            outcome(record(), conversion()),  # whatever its pixels
            outcome(record(selected=False)),
        ]:
            tally.add(series)
        self.assertEqual(tally.summary(), Summary(2, 0, 1, {'REORIENTED': 2}))
