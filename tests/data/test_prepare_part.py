import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from unittest import mock

from kneerepro.data.part_files import Part, PartFile, PartWriter
from kneerepro.data.prepare_part import describe_part, prepare_part
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.selection import Selection
from kneerepro.data.settings import Settings
from kneerepro.utils.errors import UserError
from tests.data.test_prepare import SETTINGS, PrepareTest, volumes
from tests.subprocesses import ROOT


class PartTest(PrepareTest):
    def prepare_part(self, number=1, count=2, **kwargs):
        """Keywords change SETTINGS or are arguments of prepare_part();
        returns whether it was made.
        """
        changes = {
            field.name: kwargs.pop(field.name)
            for field in fields(Settings)
            if field.name in kwargs
        }
        return prepare_part(
            [self.source],
            self.out,
            replace(SETTINGS, **changes),
            Part(number, count),
            **kwargs,
        )

    def part(self, number=1, count=2):
        return PartFile(Part(number, count).path(self.out))


class PreparePartTest(PartTest):
    def test_each_series_once(self):
        for count in 1, 2, 5:
            uids = []
            for number in range(1, count + 1):
                self.assertTrue(self.prepare_part(number, count))
                part = self.part(number, count)
                self.assertEqual(part.whole.series, 4)
                uids += [
                    series.row['series_uid'] for _, series in part.outcomes
                ]
                self.assertEqual(part.summary().converted, len(part.outcomes))
            self.assertEqual(sorted(uids), ['1.1', '1.2', '1.3', '1.4'])
        self.assertNotIn('v.h5', self.listing())
        self.assertFalse([name for name in self.listing() if 'report' in name])

    def test_without_series(self):
        empty = [
            number
            for number in range(1, 7)
            if self.prepare_part(number, 6)
            and not self.part(number, 6).outcomes
        ]
        self.assertGreaterEqual(len(empty), 2)
        lines = list(describe_part(self.part(empty[0], 6), 'v.h5'))
        self.assertIn('with 0 of 4 series: 0 converted, 0 rejected', lines[0])

    def test_described(self):
        os.remove(self.path('dicom', '1.2', '1.2-1'))
        self.prepare_part(1, 1)
        first, *codes, last = describe_part(self.part(1, 1), 'v.h5')
        self.assertIn(
            'v.part-1-of-1.h5: part 1 of 1, with 4 of 4 series: 3 converted, '
            '1 rejected, 0 not selected',
            first,
        )
        self.assertEqual(
            codes, ['  MISSING_SLICES: 1', '  SEVERAL_SERIES_OF_PATIENT: 3']
        )
        self.assertIn('--join v.h5 ', last)

    def test_kept_where_nothing_changed(self):
        self.assertTrue(self.prepare_part())
        self.assertFalse(self.prepare_part())
        self.assertFalse(self.prepare_part(workers=2))

    def test_refused_where_something_did(self):
        self.prepare_part()
        for change in [
            {'key': b'another key 0123'},
            {'limits': Limits(min_slices=3, min_coverage=0.0)},
            {'selection': Selection(None)},
        ]:
            with self.assertRaisesRegex(UserError, '--overwrite'):
                self.prepare_part(**change)
        self.assertTrue(
            self.prepare_part(selection=Selection(None), overwrite=True)
        )
        self.write('out/v.part-2-of-2.h5', b'my thesis')
        with self.assertRaisesRegex(UserError, '--overwrite'):
            self.prepare_part(2)

    def test_nothing_usable_in_any_part(self):
        with self.assertRaisesRegex(
            UserError, "0 usable series, 0 .* 4 not selected.*matches 'x'"
        ):
            self.prepare_part(selection=Selection('x'))
        self.write('dicom/1.1/1.1-0', b'damaged')
        for uid in '1.2', '1.3', '1.4':
            os.remove(self.path('dicom', uid, f'{uid}-1'))
        for i in 2, 3:
            os.remove(self.path('dicom', '1.1', f'1.1-{i}'))
        with self.assertRaisesRegex(
            UserError, '0 usable series, 5 .*data/inspect.py lists'
        ):
            self.prepare_part()
        self.assertEqual(self.listing(), [])

    def test_parts_within_the_source(self):
        """What the other machines write there is no image."""
        self.prepare_part(1)
        expected = self.part(1).whole
        self.out = self.path('dicom', 'v.h5')
        for number in 1, 2:
            self.prepare_part(number)
            self.assertEqual(self.part(number).whole, expected)
        self.assertFalse(self.prepare_part(1))

    def test_sources_elsewhere(self):
        """Machines may know the same folder by different paths."""
        self.prepare_part(1)
        expected = self.part(1).whole
        os.rename(self.source, self.path('mounted'))
        self.source = self.path('mounted')
        self.prepare_part(2)
        self.assertEqual(self.part(2).whole, expected)

    def test_nothing_gets_out(self):
        self.prepare_part(1, 1)
        content = self.read(Part(1, 1).path(self.out))
        for secret in 'SAG_3D_DESS_LEFT', self.folder, '"P"', '"Q"':
            self.assertNotIn(secret.encode(), content, secret)
        self.prepare_part(1, 1, identifiers=True, overwrite=True)
        self.assertIn(b'"Q"', self.read(Part(1, 1).path(self.out)))


class ResumeTest(PartTest):
    SCRIPT = """
import sys
import time
from kneerepro.data.part_files import Part
from kneerepro.data.prepare_part import prepare_part
from tests.data.test_prepare import SETTINGS
def progress(*counts):
    print(*counts, flush=True)
    if counts[:2] == ('converting', 4):
        time.sleep(60)
prepare_part(
    [sys.argv[1]], sys.argv[2], SETTINGS, Part(1, 2), progress=progress
)
"""

    def test_killed(self):
        for i, volume in enumerate(volumes(24)[4:]):
            self.series(f'1.{i + 10}', volume, PatientID=f'p{i}')
        process = subprocess.Popen(
            [sys.executable, '-c', self.SCRIPT, self.source, self.out],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        for line in iter(process.stdout.readline, ''):
            if line.startswith('converting 4 '):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertEqual(self.listing(), ['v.part-1-of-2.h5.partial'])
        counts = []
        self.prepare_part(progress=lambda *count: counts.append(count))
        phases = [count[0] for count in counts]
        self.assertEqual(set(phases), {'converting'})
        self.assertGreater(counts[0][1], 4)
        self.assertEqual(self.listing(), ['v.part-1-of-2.h5'])
        resumed = self.read(Part(1, 2).path(self.out))
        self.out = self.path('whole', 'v.h5')
        self.prepare_part()
        self.assertEqual(self.read(Part(1, 2).path(self.out)), resumed)

    def test_interrupted_while_writing(self):
        with (
            mock.patch.object(
                PartWriter, 'add', side_effect=KeyboardInterrupt
            ),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.prepare_part(1, 1)
        self.assertEqual(self.listing(), ['v.part-1-of-1.h5.partial'])
        self.assertTrue(self.prepare_part(1, 1))
        self.assertEqual(self.part(1, 1).summary().converted, 4)
