import json
import unittest

from kneerepro.data.labels import Knee
from kneerepro.data.outcomes import (
    Outcome,
    Volume,
    outcome_of_series,
    outcomes_of_files,
)
from kneerepro.data.parallel import Conversion
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.grid import Grid
from kneerepro.data.reading.identity import Identity
from kneerepro.data.reading.records import SeriesRecord
from kneerepro.data.report import Locator

GRID = Grid((4, 6, 7), (0.0, 1.0, 2.0), ((-2, 0, 0), (0, 0, -1), (0, 1, 0)))
LOCATOR = Locator(['/images'])


class FakeCatalogue:
    def passed_over_files(self):
        return [('/images/readme.txt', 'not a DICOM file')]

    def defective_files(self):
        return [('/images/P/damaged', 'NOT_DICOM', 'not a DICOM file')]


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


def conversion(pixel_hash='a'):
    return Conversion(
        files=['f'],
        path='v.npy',
        pixel_hash=pixel_hash,
        low=1,
        high=2,
        grid=GRID,
    )


def outcome(record, conversion=None, name_of=str.lower):
    return outcome_of_series(
        record, ['/images/P/f'], conversion, LOCATOR, name_of
    )


class SeriesTest(unittest.TestCase):
    def test_converted(self):
        found = outcome(record(), conversion())
        self.assertEqual(
            (found.decision, found.code, found.reason, found.notes),
            ('converted', '', '', ['REORIENTED']),
        )
        self.assertEqual(
            found.row,
            {
                'patient': 'p',
                'side': 'LEFT',
                'series_uid': '1.1',
                'part': '',
                'slices': 4,
                'rows': 6,
                'columns': 7,
                'spacing_mm': [1.5, 0.25, 0.25],
                'plane': '',
                'directions': '',
                'source': 1,
                'folder': 'P',
                'files': ['f'],
            },
        )
        self.assertEqual(
            found.volume,
            Volume(
                path='v.npy',
                pixel_hash='a',
                low=1,
                high=2,
                patient='p',
                certain=True,
                side='LEFT',
                series='1.1',
                frame_of_reference='9.1',
                grid=GRID,
                knee=Knee('P', 'LEFT'),
            ),
        )

    def test_rejected(self):
        for found in [
            outcome(record(defect=Defect('NOT_FINITE', 'x'))),
            outcome(
                record(),
                Conversion(files=['f'], defect=Defect('NOT_FINITE', 'x')),
            ),
        ]:
            self.assertEqual(
                (found.decision, found.code, found.reason, found.notes),
                ('rejected', 'NOT_FINITE', 'x', []),
            )
            self.assertIsNone(found.volume)

    def test_not_selected(self):
        found = outcome(record(selected=False))
        self.assertEqual(
            (found.decision, found.code, found.notes), ('not selected', '', [])
        )
        self.assertIsNone(found.volume)


class FilesTest(unittest.TestCase):
    def test_rows(self):
        passed_over, rejected = outcomes_of_files(FakeCatalogue(), LOCATOR)
        self.assertEqual(
            (passed_over.decision, passed_over.code, passed_over.reason),
            ('passed over', '', 'not a DICOM file'),
        )
        self.assertEqual(
            passed_over.row,
            {'source': 1, 'folder': '.', 'files': ['readme.txt']},
        )
        self.assertEqual(
            (rejected.decision, rejected.code), ('rejected', 'NOT_DICOM')
        )
        self.assertEqual(rejected.row['folder'], 'P')


class JsonTest(unittest.TestCase):
    def test_comes_back(self):
        """To the last bit, and whatever the names of files are."""
        third = record(spacing=(1 / 3, 0.1, 0.1), uid='1.\udcff\x00')
        for expected in [
            *outcomes_of_files(FakeCatalogue(), LOCATOR),
            outcome(third, conversion()),
            outcome(record(selected=False)),
            Outcome(
                'converted', {}, volume=Volume('p', 'a', 0, 1, 'p', 0, '')
            ),
            Outcome(
                'converted',
                {},
                volume=Volume(
                    'p',
                    'a',
                    1 / 3,
                    2 / 3,
                    'p',
                    False,
                    '',
                    knee=Knee('P', '', 3, ('9', 'P')),
                ),
            ),
        ]:
            text = json.dumps(expected.as_json())
            self.assertTrue(text.isascii())
            self.assertEqual(Outcome.from_json(json.loads(text)), expected)
