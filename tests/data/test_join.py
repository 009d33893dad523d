import os
import shutil
import unittest
from collections import namedtuple
from dataclasses import replace
from unittest import mock

import numpy as np

from kneerepro.data import workspace
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.join import join_parts
from kneerepro.data.label_table import read_labels
from kneerepro.data.part_files import Part
from kneerepro.data.prepare_part import prepare_part
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.errors import UserError
from tests.data.test_prepare import (
    KEY,
    OPTIONS,
    REAL,
    SETTINGS,
    PrepareTest,
    volumes,
)


class JoinTest(PrepareTest):
    def setUp(self):
        super().setUp()
        self.parts = self.path('parts', 'v.h5')
        # Besides the four: pixels that occur again in another part, whatever
        # the part, and all that may become of files and series.
        for i, uid in enumerate(['1.5', '1.6', '1.7', '1.8']):
            self.series(uid, self.volumes[i], PatientID=f'Z{i}')
        self.series('1.10', np.full((4, 6, 6), 7), PatientID='C')
        os.remove(self.series('1.11', PatientID='D')[1])
        self.series('1.12', SeriesDescription='COR_IW_TSE_LEFT')
        self.series('1.13', volumes(9)[8], PatientID=None)
        np.save(self.path('dicom', 'a.npy'), volumes(6)[4] + 0.5)
        self.write('dicom/damaged', b'DICM')
        self.write('dicom/readme.txt', b'about')

    def prepare_part(self, number, count, **changes):
        """Keywords change SETTINGS; returns the path of the part."""
        part = Part(number, count)
        settings = replace(SETTINGS, **changes)
        prepare_part([self.source], self.parts, settings, part)
        return part.path(self.parts)

    def prepare_parts(self, count, **changes):
        return [
            self.prepare_part(number, count, **changes)
            for number in range(count, 0, -1)
        ]

    def join(self, paths, **kwargs):
        return join_parts(self.out, paths, **{'key': lambda: KEY, **kwargs})

    def contents(self):
        """The bytes of all files that are written."""
        return {name: self.read(f'out/{name}') for name in self.listing()}

    def assert_same(self, count, labels=None, npy=False, **changes):
        """One machine and several make the same files; returns them."""
        shutil.rmtree(self.path('out'), ignore_errors=True)
        shutil.rmtree(self.path('parts'), ignore_errors=True)
        if labels:
            changes['labels'] = read_labels(labels)
        whole = self.prepare(npy=npy, **changes)
        expected = self.contents()
        shutil.rmtree(self.path('out'))
        parts = self.prepare_parts(count, **changes)
        self.assertEqual(self.join(parts, labels=labels, npy=npy), whole)
        found = self.contents()
        self.assertEqual(list(found), list(expected))
        for name, content in expected.items():
            self.assertEqual(found[name], content, name)
        return found


class SameTest(JoinTest):
    def test_numbers_of_parts(self):
        for count in 1, 5:
            found = self.assert_same(count)
            self.assertEqual(
                sorted(found), ['v.h5', 'v.report.csv', 'v.report.json']
            )
        self.assertEqual(len(self.result()[0]), 6)
        self.assertEqual(len(self.rows(code='DUPLICATE_PIXELS')), 4)
        self.assertEqual(
            {row['code'] for row in self.rows(decision='rejected')},
            {
                'CONSTANT_IMAGE',
                'DUPLICATE_PIXELS',
                'MISSING_SLICES',
                'NOT_DICOM',
            },
        )
        self.assertEqual(len(self.rows(decision='passed over')), 1)
        self.assertEqual(len(self.rows(decision='not selected')), 1)

    def test_scaled_over_the_dataset(self):
        self.assert_same(3, options=replace(OPTIONS, normalise='dataset'))

    def test_other_settings(self):
        self.assert_same(
            3,
            npy=True,
            options=Options(depth=5, size=4, normalise='slice-max'),
            limits=Limits(min_slices=3, min_coverage=0.0),
            selection=Selection(None),
            one_per_patient=True,
            identifiers=True,
        )

    def test_labels(self):
        """Two numbers name one patient, each in another part."""
        for name, patient in ('1.14', '0012'), ('1.15', '12'):
            self.series(name, volumes(9)[int(name[-1])], PatientID=patient)
        table = self.write(
            't.csv', 'id,side,KL,text\nP,LEFT,3,x\n12.0,LEFT,4,y\nR,,1,z\n'
        )
        for identifiers in False, True:
            found = self.assert_same(3, labels=table, identifiers=identifiers)
            self.assertIn('v.labels.csv', found)
        with Dataset(self.out) as dataset:
            self.assertEqual(np.isfinite(dataset.labels['KL']).sum(), 3)

    @unittest.skipUnless(
        os.path.isdir(REAL),
        'KNEEREPRO_REAL_KNEE names no folder of a real examination',
    )
    def test_real_knee(self):
        self.source = REAL
        self.assert_same(
            2, options=Options(), limits=Limits(), selection=Selection(None)
        )


class AgainTest(JoinTest):
    def test_kept_where_nothing_changed(self):
        parts = self.prepare_parts(2)
        self.join(parts)
        made = os.stat(self.out).st_ino
        self.assertIsNone(self.join(parts[::-1]))
        self.assertIsNone(self.prepare())
        self.assertEqual(os.stat(self.out).st_ino, made)

    def test_refuses_what_is_something_else(self):
        self.write('out/v.h5', b'my thesis')
        parts = self.prepare_parts(2)
        with self.assertRaisesRegex(UserError, '--overwrite'):
            self.join(parts)
        self.assertEqual(self.read('out/v.h5'), b'my thesis')
        self.assertEqual(self.listing(), ['v.h5'])
        self.join(parts, overwrite=True)
        self.assertEqual(len(self.result()[0]), 6)

    def test_interrupted(self):
        parts = self.prepare_parts(2)
        with (
            mock.patch(
                'kneerepro.data.report.Report.write',
                side_effect=KeyboardInterrupt,
            ),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.join(parts)
        self.assertEqual(self.listing(), [])
        # What is left of a process that was killed.
        self.write('out/v.h5.partial/joined.h5', b'half a file')
        self.join(parts)
        self.assertNotIn('v.h5.partial', self.listing())


class RefusalTest(JoinTest):
    def assert_refused(self, paths, pattern, **kwargs):
        with self.assertRaisesRegex(UserError, pattern):
            self.join(paths, **kwargs)
        self.assertEqual(self.listing(), [])

    def test_missing(self):
        parts = self.prepare_parts(3)
        self.assert_refused(
            parts[:1], 'missing of 3 parts: 1, 2; .*--part 1/3'
        )
        self.assert_refused(parts[1:], 'missing of 3 parts: 3;')
        self.assert_refused(
            [self.prepare_part(7, 40)], 'parts: 1, 2, .* 11 and 29 others;'
        )

    def test_twice(self):
        first, second = self.prepare_parts(2)
        self.assert_refused(
            [first, second, first], 'v.part-2-of-2.h5 and .* are both part 2'
        )
        copy = shutil.copy(second, self.path('copy.h5'))
        self.assert_refused([first, second, copy], 'copy.h5 are both part 1')

    def test_other_division(self):
        self.assert_refused(
            [*self.prepare_parts(2), self.prepare_part(1, 3)],
            'part 1 of [23] and part 1 of [23]',
        )

    def test_made_otherwise(self):
        first = self.prepare_part(1, 2)
        for change, pattern in [
            ({'options': replace(OPTIONS, size=5)}, '--size: 6 and 5'),
            (
                {'options': replace(OPTIONS, flip_left=True)},
                '--flip-left: False and True',
            ),
            (
                {'limits': Limits(min_slices=3, min_coverage=0.0)},
                '--min-slices: 2 and 3',
            ),
            ({'selection': Selection(None)}, '--series-description: SAG'),
            ({'one_per_patient': True}, '--one-per-patient: False and True'),
            ({'identifiers': True}, '--identifiers: False and True'),
            ({'key': b'another key 0123'}, 'two keys.*--key-file'),
            (
                {'labels': read_labels(self.write('t.csv', 'id,x\nP,1\n'))},
                'two tables of labels',
            ),
        ]:
            second = self.prepare_part(2, 2, **change)
            self.assert_refused(
                [first, second], f'do not belong together: .*{pattern}'
            )
            os.remove(second)
        with mock.patch('kneerepro.__version__', '9.9'):
            second = self.prepare_part(2, 2)
        self.assert_refused([first, second], 'two versions of this package')
        self.assert_refused([second], 'made by version 9.9 of this package')
        os.remove(second)
        os.utime(self.path('dicom', '1.1', '1.1-2'), (5, 5))
        second = self.prepare_part(2, 2)
        self.assert_refused([first, second], 'from other files')

    def test_other_series_in_the_same_files(self):
        """As on a machine that lacks a library."""
        first = self.prepare_part(1, 2)
        with mock.patch(
            'kneerepro.data.reading.arrays.find_volumes',
            side_effect=PermissionError(13, ''),
        ):
            second = self.prepare_part(2, 2)
        self.assert_refused([first, second], 'found different series')

    def test_no_parts(self):
        parts = self.prepare_parts(2)
        self.assert_refused(
            [parts[0], self.write('text', b'text')], 'text is not a part'
        )
        content = bytearray(self.read(parts[1]))
        content[-5] ^= 1
        self.assert_refused(
            [parts[0], self.write('spoilt', bytes(content))],
            'spoilt is damaged',
        )
        self.assert_refused([self.path('nowhere')], 'No such file')

    def test_out_is_forgotten(self):
        """The first of the parts is not taken for the file to write."""
        parts = self.prepare_parts(2)
        before = self.read(parts[0])
        self.out = parts[0]
        with self.assertRaisesRegex(UserError, 'is itself a part'):
            self.join(parts[1:], overwrite=True)
        self.assertEqual(self.read(parts[0]), before)

    def test_nothing_converted(self):
        shutil.rmtree(self.source)
        for uid in '1.1', '1.2':
            self.series(uid, np.full((4, 6, 6), 7))
        with self.assertRaisesRegex(
            UserError, 'none of the 2 series .*v.report.csv'
        ):
            self.join(self.prepare_parts(2))
        self.assertEqual(self.listing(), ['v.report.csv', 'v.report.json'])

    def test_full_disk(self):
        usage = namedtuple('usage', 'free')
        parts = self.prepare_parts(2)
        size = 4 * 10 * 4 * 6 * 6  # ten volumes, of which four are copies
        for npy in True, False:
            needed = (2 if npy else 1) * size
            with mock.patch.object(
                workspace.shutil,
                'disk_usage',
                lambda folder: usage(needed - 1),
            ):
                self.assert_refused(parts, 'no room for .*v.h5', npy=npy)
        with mock.patch.object(
            workspace.shutil, 'disk_usage', lambda folder: usage(size)
        ):
            self.join(parts)

    def test_labels(self):
        table = self.write('t.csv', 'id,x,y\nP,1,2\n')
        without = self.prepare_parts(1)
        self.assert_refused(without, 'made without labels', labels=table)
        self.parts = self.path('labelled', 'v.h5')
        parts = self.prepare_parts(1, labels=read_labels(table, ['y']))
        self.assert_refused(parts, 'made with labels: name the same')
        self.assert_refused(
            parts,
            'other.csv is not the table',
            labels=self.write('other.csv', 'id,x,y\nP,1,3\n'),
        )
        self.assert_refused(
            parts,
            'another key',
            labels=table,
            key=lambda: b'another key 0123',
        )
        self.join(parts, labels=table)
        with Dataset(self.out) as dataset:
            self.assertEqual(list(dataset.labels), ['y'])


class ProgressTest(JoinTest):
    def test_phases(self):
        counts = []
        self.join(
            self.prepare_parts(2), progress=lambda *count: counts.append(count)
        )
        self.assertEqual(
            counts[:2],
            [('checking parts', 1, 2, 0), ('checking parts', 2, 2, 0)],
        )
        self.assertEqual([count[0] for count in counts[2:]], ['joining'] * 13)
        self.assertEqual(counts[-1], ('joining', 13, 13, 2))
