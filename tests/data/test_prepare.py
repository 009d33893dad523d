import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from dataclasses import fields, replace
from unittest import mock

import numpy as np
import pydicom
import scipy.io

from kneerepro.data import parallel
from kneerepro.data.convert import Options, normalise
from kneerepro.data.dataset import Dataset
from kneerepro.data.decisions import Summary
from kneerepro.data.prepare import describe, prepare
from kneerepro.data.reading import unpacking
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.defects import NOTES, REJECTIONS
from kneerepro.data.reading.files import walk_files
from kneerepro.data.reading.selection import Selection
from kneerepro.data.report import Report
from kneerepro.data.resize import resize
from kneerepro.data.settings import Settings
from kneerepro.utils.errors import UserError
from tests.data.reading.archive_files import COMPRESSIONS, tar_of, zip_of
from tests.data.series import SAGITTAL, change, write_enhanced, write_series
from tests.data.test_dataset import as_version_3
from tests.folders import FolderTest
from tests.subprocesses import ROOT

REAL = os.environ.get('KNEEREPRO_REAL_KNEE', '')
KEY = b'0123456789abcdef'
OPTIONS = Options(depth=4, size=6)
LIMITS = Limits(min_slices=2, min_coverage=0.0)
SETTINGS = Settings(key=KEY, options=OPTIONS, limits=LIMITS)


def interrupt(report):
    raise KeyboardInterrupt


def volumes(n, shape=(4, 6, 6)):
    return np.random.RandomState(1).randint(0, 4000, (n,) + shape)


class PrepareTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.source, self.out = self.path('dicom'), self.path('out', 'v.h5')
        self.volumes = volumes(4)
        # Two people, the first with three series.
        for i, (uid, patient) in enumerate(
            [('1.1', 'P'), ('1.2', 'Q'), ('1.3', 'P'), ('1.4', 'P')]
        ):
            self.series(uid, self.volumes[i], PatientID=patient)

    def series(self, uid, volume=None, folder=None, **elements):
        if volume is None:
            volume = volumes(10)[int(uid[-1])]
        return write_series(
            self.path('dicom', folder or uid), volume, uid, **elements
        )

    def prepare(self, options=OPTIONS, sources=None, **kwargs):
        """Keywords change SETTINGS or are arguments of prepare()."""
        changes = {
            field.name: kwargs.pop(field.name)
            for field in fields(Settings)
            if field.name in kwargs
        }
        return prepare(
            sources or [self.source],
            self.out,
            replace(SETTINGS, options=options, **changes),
            **kwargs,
        )

    def result(self):
        with Dataset(self.out) as dataset:
            return np.asarray(dataset.volumes), dataset.patient

    def report(self):
        with open(self.path('out', 'v.report.json')) as file:
            return json.load(file)

    def rows(self, **values):
        return [
            row
            for row in self.report()
            if all(row[name] == value for name, value in values.items())
        ]

    def listing(self):
        folder = self.path('out')
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def assert_rejected(self, code, **kwargs):
        """Nothing else is rejected; returns the row."""
        self.prepare(**kwargs)
        (row,) = self.rows(decision='rejected')
        self.assertEqual(row['code'], code)
        return row


class ResultTest(PrepareTest):
    def test_volumes(self):
        counts = []
        summary = self.prepare(progress=lambda *count: counts.append(count))
        result, patient = self.result()
        self.assertEqual(result.dtype, 'float32')
        # By patient, then by UID.
        expected = self.volumes[[0, 2, 3, 1]].astype(float)
        low = expected.min(axis=(1, 2, 3), keepdims=True)
        high = expected.max(axis=(1, 2, 3), keepdims=True)
        np.testing.assert_allclose(
            result[:, 0], (expected - low) / (high - low), atol=1e-6
        )
        self.assertEqual(len(set(patient[:3])), 1)
        self.assertNotEqual(patient[0], patient[3])
        self.assertEqual(
            counts,
            [('reading headers', 16, 16, 0)]
            + [('converting', i, 4, 0) for i in range(1, 5)],
        )
        self.assertEqual(
            summary, Summary(4, 0, 0, {'SEVERAL_SERIES_OF_PATIENT': 3})
        )
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )

    def test_number_of_workers(self):
        hashes, contents = set(), set()
        for workers in 1, 2, 3:
            self.prepare(workers=workers, overwrite=True)
            contents.add(self.read(self.out))
            hashes.add(self.read('out/v.report.csv'))
            os.remove(self.out)
        self.assertEqual((len(hashes), len(contents)), (1, 1))

    def test_names_of_files_do_not_matter(self):
        self.prepare()
        before = self.result()
        for i, file in enumerate(walk_files([self.source])):
            new = os.path.join(self.source, f'{(i * 7) % 16:02d}')
            os.rename(file.path, new)
        self.prepare(overwrite=True)
        for old, new in zip(before, self.result()):
            np.testing.assert_array_equal(new, old)

    def test_resized(self):
        self.prepare(Options(depth=8, size=3))
        result, _ = self.result()
        expected = self.volumes[0].astype(float)
        for axis, length in (1, 3), (2, 3), (0, 8):
            expected = resize(expected, length, axis)
        np.testing.assert_allclose(
            result[0, 0], normalise(expected), atol=1e-5
        )
        for row in self.report():
            self.assertIn('RESAMPLED_DEPTH', row['notes'])

    def test_normalised_by_slice(self):
        self.volumes[0][1] = 0
        self.series('1.1', self.volumes[0], PatientID='P')
        self.prepare(replace(OPTIONS, normalise='slice'))
        result, _ = self.result()
        np.testing.assert_allclose(
            result[0, 0],
            normalise(self.volumes[0].astype('float32'), 'slice'),
            atol=1e-6,
        )
        self.assertEqual(result[0, 0, 1].max(), 0)

    def test_normalised_by_dataset(self):
        self.prepare(replace(OPTIONS, normalise='dataset'))
        result, _ = self.result()
        low, high = self.volumes.min(), self.volumes.max()
        np.testing.assert_allclose(
            result[:, 0],
            (self.volumes[[0, 2, 3, 1]] - low) / (high - low),
            atol=1e-6,
        )

    def test_flip_left(self):
        shutil.rmtree(self.source)
        for i, side in enumerate('LR'):
            self.series(
                f'1.{i}', self.volumes[i], geometry=SAGITTAL, Laterality=side
            )
        self.prepare()
        plain, _ = self.result()
        self.prepare(replace(OPTIONS, flip_left=True), overwrite=True)
        flipped, _ = self.result()
        np.testing.assert_array_equal(flipped[0], plain[0, :, ::-1])
        np.testing.assert_array_equal(flipped[1], plain[1])
        with Dataset(self.out) as dataset:
            self.assertEqual(list(dataset.side), ['LEFT', 'RIGHT'])

    def test_other_direction(self):
        """Slices counted from right to left, columns from back to front."""
        shutil.rmtree(self.source)
        self.series('1.1', self.volumes[0], geometry=SAGITTAL)
        self.series(
            '1.2',
            self.volumes[1][::-1, :, ::-1],
            geometry=((0, -1, 0, 0, 0, -1), (1, 0, 0)),
        )
        self.prepare()
        result, _ = self.result()
        np.testing.assert_allclose(
            result[1, 0],
            normalise(self.volumes[1].astype('float32')),
            atol=1e-6,
        )
        self.assertEqual(
            ['REORIENTED' in row['notes'] for row in self.report()],
            [False, True],
        )

    def test_arrays(self):
        array = self.volumes[0].astype('float32')
        np.save(self.path('dicom', 'a.npy'), array + 5)
        scipy.io.savemat(
            self.path('dicom', 'b.mat'),
            {'v': np.moveaxis(array, 0, 2)[:, ::-1]},
        )
        self.prepare()
        result, _ = self.result()
        self.assertEqual(len(result), 6)
        expected = normalise(array)
        np.testing.assert_allclose(result[0, 0], expected, atol=1e-6)
        for row, name, mirrored in zip(
            self.rows(series_uid=''), ('a.npy', 'b.mat'), (False, True)
        ):
            self.assertEqual(row['files'], [name])
            self.assertEqual(
                row['notes'],
                ['SIDE_UNKNOWN', 'SPACING_UNKNOWN', 'PATIENT_UNKNOWN'],
            )
            np.testing.assert_allclose(
                result[row['volume'], 0],
                expected[:, :, ::-1] if mirrored else expected,
                atol=1e-6,
            )

    def test_as_npy(self):
        self.prepare(npy=True)
        np.testing.assert_array_equal(
            np.load(self.path('out', 'v.npy')), self.result()[0]
        )


class SelectionTest(PrepareTest):
    def counts(self, **kwargs):
        """The series converted, rejected and not selected."""
        summary = self.prepare(**kwargs)
        return summary.converted, summary.rejected, summary.not_selected

    def test_by_description(self):
        self.series('1.5', SeriesDescription='COR_IW_TSE_LEFT')
        self.series('1.6', SeriesDescription=None)
        self.assertEqual(self.counts(), (4, 0, 2))
        self.assertEqual(len(self.rows(decision='not selected')), 2)
        self.assertEqual(
            self.counts(selection=Selection('cor_'), overwrite=True),
            (1, 0, 5),
        )
        self.assertEqual(
            self.counts(selection=Selection(None), overwrite=True),
            (6, 0, 0),
        )

    def test_one_per_patient(self):
        summary = self.prepare(one_per_patient=True)
        self.assertEqual((summary.converted, summary.rejected), (2, 2))
        self.assertEqual(
            [row['series_uid'] for row in self.rows(code='SURPLUS_SERIES')],
            ['1.3', '1.4'],
        )

    def test_echoes(self):
        shutil.rmtree(self.source)
        for echo in 1, 2:
            self.series(
                '1.1',
                self.volumes[echo],
                folder=f'echo{echo}',
                EchoTime=echo * 10,
            )
            for i in range(4):
                change(
                    self.path('dicom', f'echo{echo}', f'1.1-{i}'),
                    SOPInstanceUID=f'1.1.{echo}.{i}',
                )
        self.prepare()
        result, _ = self.result()
        self.assertEqual(len(result), 2)
        for i in range(2):
            np.testing.assert_allclose(
                result[i, 0],
                normalise(self.volumes[i + 1].astype('float32')),
                atol=1e-6,
            )
        self.assertEqual(
            [row['part'] for row in self.report()], ['echo 1', 'echo 2']
        )

    def test_enhanced(self):
        """One file with two stacks; each frame has its own rescale."""
        shutil.rmtree(self.source)
        os.mkdir(self.source)
        volume = volumes(1, (8, 6, 6))[0]
        write_enhanced(self.path('dicom', 'file'), volume)
        self.prepare(replace(OPTIONS, size=6))
        result, _ = self.result()
        slope = np.arange(8.0).reshape(8, 1, 1)
        values = (volume * (slope + 1) - slope).astype('float32')
        self.assertEqual(
            [row['part'] for row in self.report()], ['stack 1', 'stack 2']
        )
        self.assertEqual(
            [row['spacing_mm'] for row in self.report()], [[2, 0.5, 0.25]] * 2
        )
        for i in range(2):
            # The field is twice as high as wide.
            expected = normalise(resize(values[i::2], 3, 2))
            np.testing.assert_allclose(
                result[i, 0, :, :, 1:4], expected, atol=1e-6
            )
            self.assertEqual(result[i, 0, :, :, [0, 4, 5]].max(), 0)


class RejectionTest(PrepareTest):
    """Of five series, only the one with the defect is left out."""

    def setUp(self):
        super().setUp()
        self.slices = self.series('1.5')

    def test_header(self):
        change(self.slices[1], Rows=5)
        row = self.assert_rejected('MIXED_SIZES')
        self.assertEqual(
            (row['series_uid'], row['slices'], row['folder'], row['files']),
            ('1.5', 4, '1.5', [f'1.5-{i}' for i in range(4)]),
        )
        self.assertEqual(len(self.result()[0]), 4)

    def test_missing_slice(self):
        os.remove(self.slices[1])
        self.assert_rejected('MISSING_SLICES')

    def test_truncated(self):
        with open(self.slices[2], 'rb+') as file:
            file.truncate(os.path.getsize(self.slices[2]) - 7)
        self.assert_rejected('TRUNCATED_PIXELS')

    def test_absurd_size(self):
        for path in self.slices:
            change(path, Rows=65535, Columns=65535)
        self.assert_rejected('SIZE_ABSURD')

    def test_localizer(self):
        change(self.slices[0], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
        self.assert_rejected('MIXED_ORIENTATIONS')

    def test_constant(self):
        for path in self.slices:
            change(path, PixelData=bytes(72))
        self.assert_rejected('CONSTANT_IMAGE')

    def test_segmentation_mask(self):
        """As programs write it beside the image."""
        shutil.rmtree(self.path('dicom', '1.5'))
        np.save(self.path('dicom', 'knee.npy'), self.volumes[0] + 5.0)
        np.save(self.path('dicom', 'knee_seg.npy'), self.volumes[0] // 500)
        row = self.assert_rejected('FEW_VALUES')
        self.assertEqual(row['files'], ['knee_seg.npy'])
        self.assertIn('8 distinct values', row['reason'])
        self.assertEqual(len(self.result()[0]), 5)

    def test_spacing_that_cannot_be_read(self):
        shutil.rmtree(self.path('dicom', '1.5'))
        self.series('1.5', PixelSpacing=[0, 0])
        self.prepare()
        (row,) = self.rows(series_uid='1.5')
        self.assertEqual(row['decision'], 'converted')
        self.assertIn('SPACING_UNKNOWN', row['notes'])
        self.assertEqual(row['spacing_mm'], [2, 0, 0])

    def test_too_few_slices(self):
        for path in self.slices[1:]:
            os.remove(path)
        self.assert_rejected('TOO_FEW_SLICES')

    def test_coverage(self):
        shutil.rmtree(self.path('dicom', '1.5'))
        self.series('1.5', step=1)
        self.assert_rejected(
            'INCOMPLETE_COVERAGE', limits=Limits(min_slices=2, min_coverage=5)
        )

    def test_undecodable(self):
        for path in self.slices:
            image = pydicom.dcmread(path)
            image.file_meta.TransferSyntaxUID = pydicom.uid.RLELossless
            image.PixelData = pydicom.encaps.encapsulate([b'no RLE'])
            image['PixelData'].is_undefined_length = True
            image.save_as(path)
        self.assert_rejected('UNDECODABLE_PIXELS')

    def test_decoder_that_crashes(self):
        def read_slices(source):
            if '1.5' in source.slices[0].path:
                os._exit(1)
            return real(source)

        real = parallel.read_slices
        with mock.patch.object(parallel, 'read_slices', read_slices):
            self.assert_rejected('UNDECODABLE_PIXELS')

    def test_copy(self):
        shutil.copytree(self.path('dicom', '1.5'), self.path('dicom', 'x'))
        row = self.assert_rejected('DUPLICATE_SERIES')
        self.assertEqual(row['folder'], 'x')
        self.assertEqual(len(self.result()[0]), 5)

    def test_copy_of_a_slice(self):
        shutil.copy(self.slices[0], self.path('dicom', 'x'))
        self.assert_rejected('DUPLICATE_SERIES')
        self.assertEqual(len(self.result()[0]), 5)

    def test_slices_at_one_place(self):
        shutil.copy(self.slices[0], self.path('dicom', 'x'))
        change(self.path('dicom', 'x'), SOPInstanceUID='1.5.77')
        self.assert_rejected('DUPLICATE_SLICES')

    def test_same_pixels_under_another_uid(self):
        shutil.rmtree(self.path('dicom', '1.5'))
        self.series('1.5', self.volumes[1], PatientID='Z')
        row = self.assert_rejected('DUPLICATE_PIXELS')
        self.assertEqual(row['series_uid'], '1.5')
        self.assertIn('volume 3', row['reason'])

    def test_files_of_no_series(self):
        self.write('dicom/damaged', b'DICM')
        self.write('dicom/readme.txt', b'about')
        self.prepare()
        (row,) = self.rows(decision='rejected')
        self.assertEqual(
            (row['code'], row['files'], row['folder']),
            ('NOT_DICOM', ['damaged'], '.'),
        )
        (row,) = self.rows(decision='passed over')
        self.assertEqual(row['files'], ['readme.txt'])

    def test_links(self):
        os.symlink(self.path('nowhere'), self.path('dicom', 'link'))
        os.symlink(self.source, self.path('dicom', 'circle'))
        os.mkfifo(self.path('dicom', 'pipe'))
        row = self.assert_rejected('UNREADABLE')
        self.assertEqual(row['files'], ['link'])

    def test_codes_are_known(self):
        os.remove(self.slices[1])
        summary = self.prepare(Options(depth=5, size=6))
        for code in summary.codes:
            self.assertTrue(code in REJECTIONS or code in NOTES, code)
        lines = '\n'.join(describe(summary, self.out))
        self.assertIn('4 series converted, 1 series or files rejected', lines)
        self.assertIn('MISSING_SLICES: 1', lines)


class ReportTest(PrepareTest):
    def test_csv_agrees_with_json(self):
        self.series('1.5', step=3, PixelSpacing=[0.5, 0.25])
        self.write('dicom/damaged', b'')
        self.prepare()
        with open(self.path('out', 'v.report.csv')) as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 6)
        for row, other in zip(rows, self.report()):
            self.assertEqual(list(row), list(other))
            for name in 'decision', 'code', 'series_uid', 'patient', 'folder':
                self.assertEqual(row[name], other[name])
            self.assertEqual(row['files'], str(len(other['files'])))
        (row,) = self.rows(series_uid='1.5')
        self.assertEqual(
            (
                row['slices'],
                row['rows'],
                row['columns'],
                row['spacing_mm'],
                row['plane'],
                row['directions'],
                row['side'],
                row['source'],
            ),
            (4, 6, 6, [3, 0.5, 0.25], 'axial', 'ISAPRL', 'LEFT', 1),
        )

    def test_volumes_are_numbered(self):
        os.remove(self.path('dicom', '1.3', '1.3-2'))
        self.prepare()
        self.assertEqual(
            [(row['series_uid'], row['volume']) for row in self.report()],
            [('1.1', 0), ('1.3', ''), ('1.4', 1), ('1.2', 2)],
        )
        with Dataset(self.out) as dataset:
            self.assertEqual(
                [row['patient'] for row in self.rows(decision='converted')],
                list(dataset.patient),
            )

    def test_several_sources(self):
        self.prepare(
            sources=[
                self.path('dicom', '1.1'),
                self.path('dicom', '1.2'),
                self.path('dicom', '1.2', '1.2-1'),
            ]
        )
        self.assertEqual(
            [(row['source'], row['folder']) for row in self.report()],
            [(1, '.'), (2, '.')],
        )


class PrivacyTest(PrepareTest):
    SECRETS = dict(
        PatientID='Jane-1970',
        PatientName='Roe^Jane',
        PatientBirthDate='19700101',
        PatientAddress='Elm Street',
        PatientComments='likes cats',
        ImageComments='dogs',
        InstitutionName='St. Elsewhere',
        SeriesDescription='SAG_3D_DESS_LEFT for Jane',
        StudyDescription='Jane again',
        OperatorsName='Doe',
        StackID='Jane-stack',
        EchoTime='12.5',
    )

    def setUp(self):
        super().setUp()
        for name in os.listdir(self.source):
            for i in range(4):
                change(self.path('dicom', name, f'{name}-{i}'), **self.SECRETS)
        # A defect that pydicom would describe with text from the header.
        path = self.series('1.6', PatientID='Jane-1970')[0]
        with open(path, 'rb') as file:
            content = file.read()
        self.write(path, content.replace(b'10.0\\10.0', b'Jane\\Jane'))
        os.remove(self.path('dicom', '1.4', '1.4-1'))

    def written(self):
        return b''.join(
            self.read(os.path.join('out', name)) for name in self.listing()
        )

    def test_nothing_gets_out(self):
        self.prepare()
        self.assertEqual(len(self.listing()), 3)
        for secret in [
            *self.SECRETS.values(),
            'Jane',
            'Roe',
            'Elm',
            'Doe',
            self.folder,
        ]:
            self.assertNotIn(secret.encode(), self.written(), secret)

    def test_identifiers(self):
        self.prepare(identifiers=True)
        self.assertEqual(set(self.result()[1]), {'Jane-1970'})
        self.assertIn(self.folder.encode(), self.written())
        self.assertNotIn(b'Elm', self.written())

    def test_key(self):
        self.prepare()
        first = self.result()
        self.prepare(key=b'another key 0123', overwrite=True)
        second = self.result()
        np.testing.assert_array_equal(first[0], second[0])
        self.assertFalse(set(first[1]) & set(second[1]))


class AgainTest(PrepareTest):
    def made(self):
        return os.stat(self.out).st_ino, os.stat(self.out).st_mtime_ns

    def test_kept_where_nothing_changed(self):
        self.prepare()
        first = self.made()
        self.assertIsNone(self.prepare())
        self.assertIsNone(self.prepare(workers=2))
        self.assertEqual(self.made(), first)

    def test_refused_where_something_did(self):
        self.prepare()
        first = self.made()
        os.utime(self.path('dicom', '1.1', '1.1-2'))
        changes = [
            {},
            {'key': b'another key 0123'},
            {'options': replace(OPTIONS, size=5)},
            {'limits': Limits(min_slices=3, min_coverage=0.0)},
            {'selection': Selection(None)},
        ]
        for change_of in changes:
            with self.assertRaisesRegex(UserError, '--overwrite'):
                self.prepare(**change_of)
        self.assertEqual(self.made(), first)
        self.prepare(overwrite=True)
        self.assertNotEqual(self.made(), first)
        for change_of in changes[1:]:
            with self.assertRaisesRegex(UserError, '--overwrite'):
                self.prepare(**change_of)

    def test_refuses_what_is_no_dataset(self):
        self.write('out/v.h5', b'my thesis')
        with self.assertRaisesRegex(UserError, '--overwrite'):
            self.prepare()
        self.assertEqual(self.read('out/v.h5'), b'my thesis')

    def test_output_within_the_source(self):
        self.out = self.path('dicom', 'v.h5')
        self.prepare(npy=True)
        self.assertIsNone(self.prepare())

    def test_left_by_a_run_killed_at_its_end(self):
        self.prepare()
        self.write('out/v.h5.partial/assembled.h5')
        self.assertIsNone(self.prepare())
        self.assertNotIn('v.h5.partial', self.listing())

    def test_nothing_is_left_of_a_refusal(self):
        self.write('out/v.h5', b'my thesis')
        with self.assertRaises(UserError):
            self.prepare()
        self.assertEqual(self.listing(), ['v.h5'])


class HashTest(PrepareTest):
    def hash(self, **kwargs):
        self.prepare(overwrite=True, **kwargs)
        with Dataset(self.out) as dataset:
            return dataset.hash

    def test_made_again(self):
        first = self.hash()
        for file in walk_files([self.source]):
            os.utime(file.path, (5, 5))
        made = os.stat(self.out).st_ino
        self.assertEqual(self.hash(), first)
        self.assertNotEqual(os.stat(self.out).st_ino, made)
        self.assertNotEqual(self.hash(key=b'another key 0123'), first)
        self.volumes[2, 1, 3, 4] += 1000
        self.series('1.3', self.volumes[2], PatientID='P')
        self.assertNotEqual(self.hash(), first)

    def test_earlier_version(self):
        """It is up to date, and runs on it know it by its hash."""
        self.prepare()
        before = self.read(as_version_3(self.out))
        self.assertIsNone(self.prepare())
        self.assertEqual(self.read(self.out), before)


class TooFewTest(PrepareTest):
    def assert_error(self, pattern, **kwargs):
        with self.assertRaisesRegex(UserError, pattern):
            self.prepare(**kwargs)
        self.assertFalse(
            [name for name in self.listing() if 'report' not in name]
        )

    def test_too_few(self):
        os.remove(self.path('dicom', '1.2', '1.2-1'))
        self.assert_error(
            '3 usable series, 1 series or files rejected.*at '
            'least 4.*v.report.csv',
            at_least=4,
        )
        (row,) = self.rows(decision='rejected')
        self.assertEqual(row['code'], 'MISSING_SLICES')
        self.prepare(at_least=3)
        with self.assertRaisesRegex(UserError, 'at least 4'):
            self.prepare(at_least=4, overwrite=True)

    def test_none_selected(self):
        self.assert_error(
            "0 usable.*None of these descriptions matches 'x': "
            r"'SAG_3D_DESS_LEFT' \(4\).*--any-series",
            selection=Selection('x'),
        )

    def test_no_source(self):
        self.assert_error(
            'nowhere does not exist',
            sources=[self.source, self.path('nowhere')],
        )
        self.assertEqual(self.listing(), [])

    def test_empty_source(self):
        os.mkdir(self.path('empty'))
        self.assert_error('0 usable', sources=[self.path('empty')])
        self.assertFalse(os.path.exists(self.path('out')))

    def test_out_cannot_be_written(self):
        self.write('out/file')
        self.out = self.path('out', 'file', 'v.h5')
        with self.assertRaisesRegex(UserError, 'cannot write'):
            self.prepare()


class KilledTest(PrepareTest):
    """After kill -9 at any moment, the same call finishes the work."""

    SCRIPT = """
import sys
from kneerepro.data.prepare import prepare
from dataclasses import replace
from tests.data.test_prepare import OPTIONS, SETTINGS
def progress(*counts):
    print(*counts, flush=True)
settings = replace(SETTINGS, options=replace(OPTIONS, normalise='dataset'))
prepare([sys.argv[1]], sys.argv[2], settings, workers=2, progress=progress)
print('done', flush=True)
"""

    def setUp(self):
        super().setUp()
        self.uids = [f'1.{i}' for i in range(10, 40)]
        for i, volume in enumerate(volumes(34)[4:]):
            self.series(self.uids[i], volume, PatientID=f'p{i}')

    def start(self, out):
        return subprocess.Popen(
            [sys.executable, '-c', self.SCRIPT, self.source, out],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start_and_stop(self):
        """A process that is paused while it converts."""
        process = self.start(self.out)
        self.addCleanup(process.kill)
        for line in iter(process.stdout.readline, ''):
            if line.startswith('converting'):
                break
        process.send_signal(signal.SIGSTOP)
        return process

    def test_killed_again_and_again(self):
        process = self.start(self.path('whole', 'v.h5'))
        lines = process.communicate()[0].splitlines()
        self.assertEqual(lines[-1], 'done')
        expected = self.read('whole/v.h5')
        kills, most = 0, 0
        for stop_after in [1, 5, 12, 20, 28, len(lines) - 1]:
            process = self.start(self.out)
            seen = [process.stdout.readline() for _ in range(stop_after)]
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if 'v.h5' in self.listing():
                break  # it had finished before it was killed
            kills += 1
            converting = [
                int(line.split()[1])
                for line in seen
                if line.startswith('converting')
            ]
            if converting:
                # It continues where the last one was killed.
                self.assertGreater(min(converting), most)
                most = max(most, *converting)
        self.assertGreater(kills, 2)
        self.start(self.out).communicate()
        self.assertEqual(self.read(self.out), expected)
        self.assertEqual(
            self.read('out/v.report.csv'), self.read('whole/v.report.csv')
        )
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )

    def test_two_at_once(self):
        first = self.start_and_stop()
        second = self.start(self.out)
        self.addCleanup(second.kill)
        waited = second.stdout.readline()
        first.send_signal(signal.SIGCONT)
        made = first.communicate()[0]
        waited += second.communicate()[0]
        self.assertEqual(
            waited,
            'waiting for another process to finish writing '
            f'{self.out}\ndone\n',
        )
        self.assertIn('converting 34 34 0', made)
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )

    def test_killed_while_another_waits(self):
        first = self.start_and_stop()
        second = self.start(self.out)
        self.assertIn('waiting', second.stdout.readline())
        first.kill()
        first.communicate()
        output = second.communicate()[0]
        # It continues where the first one was killed.
        self.assertNotIn('converting 1 ', output)
        self.assertIn('done', output)
        self.assertEqual(len(self.result()[0]), 34)
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )

    def test_killed_while_writing(self):
        with (
            mock.patch.object(Report, 'write', interrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.prepare()
        self.assertEqual(self.listing(), ['v.h5.partial'])
        self.write('out/v.h5.partial/assembled.h5', b'half a file')
        self.prepare()
        self.assertEqual(len(self.result()[0]), 34)
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )

    def test_source_by_another_name(self):
        with (
            mock.patch.object(Report, 'write', interrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.prepare()
        summary = self.prepare(sources=[os.path.relpath(self.source)])
        self.assertEqual((summary.converted, summary.rejected), (34, 0))

    def test_source_changes_between(self):
        with (
            mock.patch.object(Report, 'write', interrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.prepare()
        time.sleep(0.01)
        shutil.rmtree(self.path('dicom', '1.1'))
        os.remove(self.path('dicom', '1.2', '1.2-1'))
        self.series('1.3', volumes(1)[0] + 3, PatientID='P')
        self.prepare()
        with Dataset(self.out) as dataset:
            again = np.asarray(dataset.volumes)
        self.out = self.path('out', 'fresh.h5')
        self.prepare()
        np.testing.assert_array_equal(self.result()[0], again)


class ArchivesTest(PrepareTest):
    """The same images in archives, links and elsewhere."""

    def pack(self):
        """Put each series into an archive; returns the folder of them."""
        for i, uid in enumerate(sorted(os.listdir(self.source))):
            folder = self.path('dicom', uid)
            members = [
                (f'P/{name}', self.read(f'dicom/{uid}/{name}'))
                for name in os.listdir(folder)
            ]
            content = zip_of(members)
            if i % 2:
                content = COMPRESSIONS['tar.gz'](tar_of(members))
            self.write(f'packed/visit/{uid}', content)
        return self.path('packed')

    def test_same_result(self):
        self.prepare()
        before, report = self.result(), self.report()
        shutil.rmtree(self.path('out'))
        summary = self.prepare(sources=[self.pack()])
        for expected, found in zip(before, self.result()):
            np.testing.assert_array_equal(found, expected)
        for expected, found in zip(report, self.report()):
            self.assertEqual(
                found['folder'], f'visit/{expected["series_uid"]}/P'
            )
            self.assertEqual(found['files'], expected['files'])
        self.assertEqual(summary.rejected, 0)
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )
        self.assertIsNone(self.prepare(sources=[self.path('packed')]))

    def test_order_of_volumes(self):
        """As if all had been unpacked there by hand."""
        os.mkdir(self.path('all'))
        for i, name in enumerate(['b/v.npy', 'a.zip/v.npy', 'c.zip/v.npy']):
            np.save(self.write(f'all/{name}'), self.volumes[i] + 0.5)
        expected = self.order_in('by hand')
        for name in 'a.zip', 'c.zip':
            content = zip_of([('v.npy', self.read(f'all/{name}/v.npy'))])
            shutil.rmtree(self.path('all', name))
            self.write(f'all/{name}', content)
        # They are unpacked to places before and behind the images.
        for out in '0', 'z':
            self.assertEqual(self.order_in(out), expected)

    def order_in(self, out):
        """The folders of the volumes, and the hash of the dataset."""
        self.out = self.path(out, 'v.h5')
        self.prepare(sources=[self.path('all')])
        with open(self.path(out, 'v.report.json')) as file:
            folders = [row['folder'] for row in json.load(file)]
        with Dataset(self.out) as dataset:
            return folders, dataset.hash

    def test_defects(self):
        packed = self.pack()
        os.rename(self.path('packed', 'visit', '1.1'), self.path('zip'))
        content = self.read('zip')
        self.write('packed/bad', content[: len(content) // 2])
        self.write('packed/unsafe', tar_of([('../up', b'x')]))
        summary = self.prepare(sources=[packed])
        self.assertEqual((summary.converted, summary.rejected), (3, 2))
        (row,) = self.rows(code='BAD_ARCHIVE')
        self.assertEqual((row['folder'], row['files']), ('.', ['bad']))
        (row,) = self.rows(code='UNSAFE_MEMBER')
        self.assertEqual(
            (row['folder'], row['files']), ('unsafe', ['%2E%2E%2Fup'])
        )

    def test_continued(self):
        packed = self.pack()
        with (
            mock.patch.object(Report, 'write', interrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.prepare(sources=[packed])
        self.assertTrue(os.path.isdir(self.out + '.partial/archives'))
        with mock.patch.object(
            unpacking, 'unpack', side_effect=AssertionError
        ):
            self.prepare(sources=[packed])
        self.assertEqual(len(self.result()[0]), 4)
        self.assertNotIn('v.h5.partial', self.listing())

    def test_links(self):
        self.prepare()
        before = self.read(self.out)
        os.makedirs(self.path('links'))
        for uid in os.listdir(self.source):
            os.symlink(self.path('dicom', uid), self.path('links', uid))
        self.prepare(sources=[self.path('links')], overwrite=True)
        self.assertEqual(self.read(self.out), before)

    def test_any_name(self):
        for name in ['new\nline', '"q\' %s#', '-x', os.fsdecode(b'\xff')]:
            os.rename(self.source, self.path(name))
            self.source = self.path(name)
            self.out = self.path('out', name, name + '.h5')
            self.prepare()
            self.assertEqual(len(self.result()[0]), 4)
            self.assertEqual(len(os.listdir(os.path.dirname(self.out))), 3)
            self.assertIsNone(self.prepare())

    def test_file_system_without_locks(self):
        with mock.patch('fcntl.flock', side_effect=OSError(errno.ENOSYS, '')):
            self.prepare()
        self.assertEqual(
            self.listing(), ['v.h5', 'v.report.csv', 'v.report.json']
        )


@unittest.skipUnless(
    os.path.isdir(REAL),
    'KNEEREPRO_REAL_KNEE names no folder of a real examination',
)
class RealKneeTest(FolderTest):
    def test_two_echoes_of_one_knee(self):
        out = self.path('volumes.h5')
        summary = prepare(
            [REAL],
            out,
            Settings(
                key=KEY,
                options=Options(depth=80, size=64),
                selection=Selection(None),
            ),
        )
        self.assertEqual(
            summary,
            Summary(
                2,
                0,
                0,
                {'PATIENT_FROM_FRAME': 2, 'SEVERAL_SERIES_OF_PATIENT': 2},
            ),
        )
        with Dataset(out) as dataset:
            volumes = np.asarray(dataset.volumes)
            self.assertEqual(volumes.shape, (2, 1, 80, 64, 64))
            self.assertEqual(len(set(dataset.patient)), 1)
            self.assertFalse(dataset.certain.any())
            self.assertEqual(list(dataset.side), ['RIGHT', 'RIGHT'])
        self.assertEqual((volumes.min(), volumes.max()), (0, 1))
        # Slices in the right order resemble their neighbours.
        for volume in volumes[:, 0]:
            near = np.abs(np.diff(volume, axis=0)).mean()
            far = np.abs(volume[20:] - volume[:-20]).mean()
            self.assertLess(near, 0.5 * far)
