import unittest

from kneerepro.data.decisions import Decisions, Summary, Volume
from kneerepro.data.labels import Knee
from kneerepro.data.parallel import Conversion
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.identity import Identity, keyed_hash
from kneerepro.data.reading.records import SeriesRecord

KEY = b'0123456789abcdef'
GRID = Grid((4, 6, 7), (0.0, 1.0, 2.0), ((-2, 0, 0), (0, 0, -1), (0, 1, 0)))


class FakeReport:
    def __init__(self):
        self.rows = []

    def add(self, files, **row):
        self.rows.append({'files': files, **row})


class FakeCatalogue:
    def passed_over_files(self):
        return [('readme.txt', 'not a DICOM file')]

    def defective_files(self):
        return [('damaged', 'NOT_DICOM', 'not a DICOM file')]


def record(uid='1.1', selected=True, **changes):
    return SeriesRecord(
        **{
            'location': ('series', 0, 0),
            'part': '',
            'slices': 4,
            'rows': 6,
            'columns': 7,
            'spacing': (1.50004, 0.25, 0.25),
            'selected': selected,
            'uid': uid,
            'side': 'LEFT',
            'frame_of_reference': '9.1',
            'notes': ['REORIENTED'],
            'identity': Identity('P', certain=True, notes=[]),
            **changes,
        }
    )


def conversion(pixel_hash):
    return Conversion(
        files=['f'],
        path='v.npy',
        pixel_hash=pixel_hash,
        low=1,
        high=2,
        grid=GRID,
    )


class DecisionsTest(unittest.TestCase):
    def setUp(self):
        self.report = FakeReport()
        self.decisions = Decisions(self.report, KEY)

    def add(self, record, conversion=None):
        """Add a series; returns its row in the report."""
        self.decisions.add_series(record, ['f'], conversion)
        return self.report.rows[-1]

    def test_converted(self):
        row = self.add(record(), conversion('a'))
        self.assertEqual(
            (row['decision'], row['code'], row['reason'], row['volume']),
            ('converted', '', '', 0),
        )
        self.assertEqual(
            (row['files'], row['notes'], row['spacing_mm'], row['side']),
            (['f'], ['REORIENTED'], [1.5, 0.25, 0.25], 'LEFT'),
        )
        self.assertEqual(
            self.decisions.volumes,
            [
                Volume(
                    path='v.npy',
                    low=1,
                    high=2,
                    patient=keyed_hash(KEY, 'P'),
                    certain=True,
                    side='LEFT',
                    series='1.1',
                    frame_of_reference='9.1',
                    grid=GRID,
                    knee=Knee('P', 'LEFT'),
                )
            ],
        )
        self.assertEqual(
            self.decisions.summary(), Summary(1, 0, 0, {'REORIENTED': 1})
        )

    def test_rejected_by_its_headers(self):
        row = self.add(record(defect=Defect('NOT_MR', 'its modality')))
        self.assertEqual(
            (row['decision'], row['code'], row['reason'], row['notes']),
            ('rejected', 'NOT_MR', 'its modality', []),
        )
        self.assertEqual(row['volume'], '')
        self.assertEqual(
            self.decisions.summary(), Summary(0, 1, 0, {'NOT_MR': 1})
        )

    def test_rejected_by_its_pixels(self):
        row = self.add(
            record(),
            Conversion(files=['f'], defect=Defect('NOT_FINITE', 'x')),
        )
        self.assertEqual((row['code'], row['reason']), ('NOT_FINITE', 'x'))
        self.assertEqual(self.decisions.volumes, [])

    def test_same_pixels(self):
        for pixel_hash in 'a', 'b':
            self.add(record(), conversion(pixel_hash))
        row = self.add(record(), conversion('b'))
        self.assertEqual(row['code'], 'DUPLICATE_PIXELS')
        self.assertIn('volume 1', row['reason'])
        self.assertEqual(len(self.decisions.volumes), 2)
        # It takes no number.
        self.assertEqual(self.add(record(), conversion('c'))['volume'], 2)

    def test_not_selected(self):
        row = self.add(record(selected=False))
        self.assertEqual((row['decision'], row['code']), ('not selected', ''))
        self.assertEqual(self.decisions.summary(), Summary(0, 0, 1, {}))

    def test_identifiers(self):
        self.decisions = Decisions(self.report, KEY, identifiers=True)
        self.assertEqual(self.add(record(), conversion('a'))['patient'], 'P')
        self.assertEqual(self.decisions.volumes[0].patient, 'P')

    def test_files(self):
        self.decisions.add_files(FakeCatalogue())
        self.assertEqual(
            [
                (row['files'], row['decision'], row.get('code'))
                for row in self.report.rows
            ],
            [
                (['readme.txt'], 'passed over', None),
                (['damaged'], 'rejected', 'NOT_DICOM'),
            ],
        )
        self.assertEqual(
            self.decisions.summary(), Summary(0, 1, 0, {'NOT_DICOM': 1})
        )
