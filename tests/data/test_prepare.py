import os
import shutil
import unittest
from unittest import mock

import h5py
import numpy as np

from kneerepro.data import dicom
from kneerepro.data.dataset import Dataset
from kneerepro.data.prepare import convert, fingerprint, normalise, prepare
from kneerepro.data.resize import resize
from kneerepro.errors import UserError
from tests.data.series import change, write_series
from tests.folders import FolderTest

REAL = os.environ.get('KNEEREPRO_REAL_KNEE', '')


def volumes(n, shape=(4, 6, 5)):
    return np.random.RandomState(1).randint(0, 4000, (n,) + shape)


class NormaliseTest(unittest.TestCase):
    def test_minimum_to_maximum(self):
        volume = np.float32([[-100, 0], [300, 100]])
        result = normalise(volume)
        np.testing.assert_allclose(result, [[0, 0.25], [1, 0.5]])
        self.assertEqual(result.dtype, 'float32')

    def test_stays_within_the_unit_interval(self):
        for seed in range(200):
            rng = np.random.RandomState(seed)
            volume = (rng.randn(20) * 10. ** rng.randint(-6, 7)
                      + rng.randn()).astype('float32')
            result = normalise(volume)
            self.assertEqual((result.min(), result.max()), (0, 1))

    def test_rejects(self):
        for volume, reason in [([3, 3], 'equal'), ([1, np.nan], 'finite'),
                               ([1, np.inf], 'finite')]:
            with self.assertRaisesRegex(dicom.SeriesError, reason):
                normalise(np.float32(volume))


class ConvertTest(unittest.TestCase):
    def test_resizes_then_normalises(self):
        volume = volumes(1)[0].astype('float32')
        result = convert(volume, (4, 3, 7))
        self.assertEqual(result.shape, (4, 3, 7))
        self.assertEqual(result.dtype, 'float32')
        expected = resize(resize(volume.astype('float64'), 3, 1), 7, 2)
        expected -= expected.min()
        np.testing.assert_allclose(result, expected / expected.max(),
                                   atol=1e-6)


class PrepareTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.source, self.out = self.path('dicom'), self.path('out', 'v.h5')
        self.volumes = volumes(4)
        # Two people, the first with three series.
        for i, (uid, patient) in enumerate([('1.1', 'P'), ('1.2', 'Q'),
                                            ('1.3', 'P'), ('1.4', 'P')]):
            write_series(self.path('dicom', uid), self.volumes[i], uid,
                         PatientID=patient)
        self.lines = []

    def prepare(self, shape=(4, 6, 5), **kwargs):
        prepare(self.source, self.out, shape, report=self.lines.append,
                **kwargs)

    def result(self):
        with Dataset(self.out) as dataset:
            return dataset.volumes[:], dataset.patient

    def assert_error(self, pattern, **kwargs):
        """It fails with that and changes nothing where it writes."""
        before = {name: self.read(os.path.join('out', name))
                  for name in self.listing()}
        with self.assertRaisesRegex(UserError, pattern):
            self.prepare(**kwargs)
        self.assertEqual(before, {name: self.read(os.path.join('out', name))
                                  for name in self.listing()})

    def listing(self):
        folder = self.path('out')
        return os.listdir(folder) if os.path.isdir(folder) else []

    def test_result(self):
        counts = []
        self.prepare(progress=lambda *count: counts.append(count))
        result, patient = self.result()
        self.assertEqual(result.dtype, 'float32')
        # By patient, then by UID.
        expected = self.volumes[[0, 2, 3, 1]].astype(float)
        low = expected.min(axis=(1, 2, 3), keepdims=True)
        high = expected.max(axis=(1, 2, 3), keepdims=True)
        np.testing.assert_allclose(
            result[:, 0], (expected - low) / (high - low), atol=1e-6)
        self.assertEqual((result.min(), result.max()), (0, 1))
        np.testing.assert_array_equal(patient, [0, 0, 0, 1])
        self.assertEqual(counts, [(i, 4) for i in range(5)])
        self.assertEqual(self.lines, [])

    def test_names_no_one(self):
        os.rename(self.path('dicom', '1.2'), self.path('dicom', 'folder'))
        for path in dicom.files_below(self.source):
            change(path, PatientID='Jane Roe')
        self.prepare()
        for what in [b'Jane', b'Roe', self.folder.encode()]:
            self.assertNotIn(what, self.read(self.out))

    def test_resamples(self):
        self.prepare((8, 3, 4))
        result, _ = self.result()
        self.assertEqual(result.shape, (4, 1, 8, 3, 4))
        for line, uid in zip(self.lines, ['1.1', '1.3', '1.4', '1.2']):
            self.assertRegex(line, f'{uid}: 4 slices resampled to 8')
        self.assertEqual(len(self.lines), 4)

    def test_leaves_out_what_it_cannot_use(self):
        for path in dicom.files_below(self.path('dicom', '1.1')):
            change(path, PixelData=bytes(60))  # constant
        for path in list(dicom.files_below(self.path('dicom', '1.3')))[1:]:
            os.remove(path)
        with open(self.path('dicom', '1.4', '1.4-0'), 'rb+') as file:
            file.truncate(os.path.getsize(file.name) - 10)
        self.prepare()
        self.assertEqual(len(self.result()[0]), 1)
        self.assertEqual(len(self.lines), 3)
        for uid, reason in [('1.1', 'all its pixels are equal'),
                            ('1.3', 'single slice'), ('1.4', '1.4-0')]:
            self.assertRegex('\n'.join(self.lines),
                             f'left out {uid}: .*{reason}')

    def test_cached(self):
        def made():
            return os.stat(self.out).st_ino

        self.prepare()
        first = made()
        self.prepare()
        self.assertEqual(made(), first)

        seen = {first}
        os.utime(self.path('dicom', '1.1', '1.1-2'))
        for shape in [(4, 6, 5), (4, 6, 4), (2, 6, 4)]:
            self.prepare(shape)
            seen.add(made())
        write_series(self.path('dicom', 'new'), self.volumes[0] + 1, '1.5')
        self.prepare((2, 6, 4))
        self.assertEqual(len(self.result()[0]), 5)
        seen.add(made())
        shutil.rmtree(self.path('dicom', '1.1'))
        self.prepare((2, 6, 4))
        self.assertEqual(len(self.result()[0]), 4)

    def test_redone_where_the_result_is_spoilt(self):
        self.prepare()
        self.write('out/v.h5', self.read(self.out)[:-50])
        self.prepare()
        self.assertEqual(len(self.result()[0]), 4)

    def test_too_few(self):
        os.remove(self.path('dicom', '1.2', '1.2-1'))
        self.assert_error('3 usable DICOM MR series and 1 with a defect; '
                          'needed are at least 4', at_least=4)
        self.prepare(at_least=3)
        self.assert_error('needed are at least 4', at_least=4)  # not cached

    def test_nothing_to_read(self):
        self.source = self.path('elsewhere')
        self.assert_error('elsewhere is not a folder')
        os.mkdir(self.source)
        self.assert_error('0 usable')

    def test_failure_part_way_leaves_nothing_behind(self):
        real = h5py.File.create_dataset

        def create_dataset(file, name, *args, **kwargs):
            if name == 'patient':
                raise OSError(28, 'No space left on device')
            return real(file, name, *args, **kwargs)

        with mock.patch.object(h5py.File, 'create_dataset', create_dataset):
            self.assert_error('cannot write .*v.h5: No space left on device')

    def test_out_cannot_be_written(self):
        self.write('out/file')
        for out, reason in [(self.path('out', 'file', 'v.h5'),
                             '.*file is no folder'),
                            (self.path('out'), 'Is a directory')]:
            self.out = out
            self.assert_error(f'cannot write {out}: {reason}')


class FingerprintTest(FolderTest):
    def test_changes_with_the_files(self):
        def write(name, content):
            os.utime(self.write(name, content), (1, 1))

        write('in/a', 'x')
        write('in/sub/b', 'y')
        seen = [fingerprint(self.path('in'))]
        shutil.move(self.path('in'), self.path('moved'))
        self.assertEqual(fingerprint(self.path('moved')), seen[0])
        for name, content in [('moved/a', 'xx'), ('moved/c', 'x')]:
            write(name, content)
            seen.append(fingerprint(self.path('moved')))
        os.utime(self.path('moved', 'c'), (1, 2))
        seen.append(fingerprint(self.path('moved')))
        os.rename(self.path('moved', 'c'), self.path('moved', 'd'))
        seen.append(fingerprint(self.path('moved')))
        seen.append(fingerprint(self.path('moved', 'a')))
        self.assertEqual(len(set(seen)), 6)

    def test_link_to_nothing(self):
        self.write('a')
        before = fingerprint(self.folder)
        os.symlink(self.path('nowhere'), self.path('link'))
        self.assertEqual(fingerprint(self.folder), before)


@unittest.skipUnless(os.path.isdir(REAL), 'KNEEREPRO_REAL_KNEE names no '
                                          'folder of a real examination')
class RealKneeTest(FolderTest):
    def test_two_echoes_of_one_knee(self):
        out, lines = self.path('volumes.h5'), []
        prepare(REAL, out, (80, 64, 64), report=lines.append)
        self.assertEqual(lines, [])
        with Dataset(out) as dataset:
            volumes = dataset.volumes[:]
            self.assertEqual(volumes.shape, (2, 1, 80, 64, 64))
            np.testing.assert_array_equal(dataset.patient, [0, 0])
        self.assertEqual((volumes.min(), volumes.max()), (0, 1))
        # Slices in order look like their neighbours.
        for volume in volumes[:, 0]:
            near = np.abs(np.diff(volume, axis=0)).mean()
            far = np.abs(volume[20:] - volume[:-20]).mean()
            self.assertLess(near, 0.5 * far)
