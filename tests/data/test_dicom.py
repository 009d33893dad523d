import os
import random
import shutil
import unittest
import warnings

import numpy as np

from kneerepro.data.dicom import SeriesError, find_series, read_volume
from tests.data.series import AXIAL, change, damage, write_series
from tests.folders import FolderTest

C, S = 0.866025, 0.5  # cosine and sine of 30 degrees
VOLUME = np.random.RandomState(1).randint(0, 4000, (5, 3, 4))


class SeriesTest(FolderTest):
    def setUp(self):
        super().setUp()
        # pydicom's about damaged files, which the tests damage.
        filters = warnings.catch_warnings()
        filters.__enter__()
        self.addCleanup(filters.__exit__, None, None, None)
        warnings.simplefilter('ignore')

    def read_only(self):
        """The volume of the only series, where nothing was rejected."""
        (series,), rejected = find_series(self.folder)
        self.assertEqual(rejected, [])
        return read_volume(series)


class FindSeriesTest(SeriesTest):
    def test_sorts_slices_along_their_normal(self):
        for name, geometry in {
                'axial': AXIAL,
                'sagittal, as the OAI': ((0, 1, 0, 0, 0, -1), (-1, 0, 0)),
                'oblique': ((1, 0, 0, 0, C, S), (0, -S, C)),
                'doubly oblique': ((C, S, 0, -S * S, C * S, C),
                                   (S * C, -C * C, S))}.items():
            with self.subTest(name):
                folder = self.path(name)
                paths = write_series(folder, VOLUME, geometry=geometry)
                names = [f'IM{i}' for i in range(len(paths))]
                random.Random(1).shuffle(names)
                for i, path in enumerate(paths):
                    change(path, InstanceNumber=len(paths) - i)
                    os.rename(path, os.path.join(folder, names[i]))
                np.testing.assert_array_equal(self.read_only(), VOLUME)
                shutil.rmtree(folder)

    def test_ignores_what_is_no_mr_series(self):
        write_series(self.path('b', 'deep', 'down'), VOLUME)
        write_series(self.path('c'), VOLUME, '1.2.4', Modality='CT')
        write_series(self.path('c'), VOLUME, '1.2.5', Modality=None)
        self.write('README.txt', 'Not DICOM.')
        self.write('b/empty.dcm')
        self.write('b/zeros.dcm', bytes(1000))
        os.symlink(self.path('nowhere'), self.path('b', 'link'))
        os.mkfifo(self.path('b', 'pipe'))
        np.testing.assert_array_equal(self.read_only(), VOLUME)

    def test_groups_by_uid_alone(self):
        first = write_series(self.path('a'), VOLUME, '1.2.3')
        write_series(self.path('a'), VOLUME + 1, '1.2.4')
        os.mkdir(self.path('b'))
        for path in first[1::2]:
            os.rename(path, self.path('b', os.path.basename(path)))
        series, rejected = find_series(self.folder)
        self.assertEqual([s.uid for s in series], ['1.2.3', '1.2.4'])
        for i, one in enumerate(series):
            np.testing.assert_array_equal(read_volume(one), VOLUME + i)
        self.assertEqual(rejected, [])

    def test_order_of_series(self):
        for folder, uid, patient, description in [
                ('a', '1.4', 'Q', 'one'), ('b', '1.3', 'P', 'two'),
                ('c', '1.2', 'P', 'one'), ('d', '1.1', 'P', 'two')]:
            write_series(self.path(folder), VOLUME, uid, PatientID=patient,
                         SeriesDescription=description)
        series, _ = find_series(self.folder)
        self.assertEqual([(s.patient, s.description, s.uid) for s in series],
                         [('P', 'one', '1.2'), ('P', 'two', '1.1'),
                          ('P', 'two', '1.3'), ('Q', 'one', '1.4')])

    def test_patient(self):
        for uid, patient, frame in [
                ('1.1', 'P', '2.1'), ('1.2', 'P', '2.2'), ('1.3', None, '2.3'),
                ('1.4', '', '2.3'), ('1.5', None, None), ('1.6', None, None)]:
            write_series(self.folder, VOLUME, uid, PatientID=patient,
                         FrameOfReferenceUID=frame)
        patient = {s.uid: s.patient for s in find_series(self.folder)[0]}
        self.assertEqual(len(patient), 6)
        self.assertEqual(patient['1.1'], patient['1.2'])
        self.assertEqual(patient['1.3'], patient['1.4'])
        self.assertEqual(len(set(patient.values())), 4)

    def test_progress(self):
        paths = write_series(self.folder, VOLUME)
        paths.append(self.write('readme'))
        seen = []
        find_series(self.folder, seen.append)
        self.assertEqual(seen, paths)


class RejectionTest(SeriesTest):
    def setUp(self):
        super().setUp()
        write_series(self.path('good'), VOLUME, '1.2.9')
        self.slices = write_series(self.path('bad'), VOLUME)

    def assert_rejected(self, *expected):
        """The good series alone is found, and the rest rejected."""
        (series,), rejected = find_series(self.folder)
        np.testing.assert_array_equal(read_volume(series), VOLUME)
        self.assertEqual(len(rejected), len(expected))
        for (what, reason), (name, pattern) in zip(rejected, expected):
            self.assertEqual(what, name)
            self.assertRegex(reason, pattern)

    def test_size_or_orientation_not_one(self):
        for name, value in [('Rows', 4), ('Columns', 3),
                            ('ImageOrientationPatient', [1, 0, 0, 0, 0, 1])]:
            paths = write_series(self.path('bad'), VOLUME)
            change(paths[2], **{name: value})
            self.assert_rejected(('1.2.3', f'differ in {name}'))

    def test_no_positions(self):
        for changes in [dict(ImagePositionPatient=None),
                        dict(ImagePositionPatient=''),
                        dict(ImagePositionPatient=[1, 2]),
                        dict(ImageOrientationPatient=None),
                        dict(ImageOrientationPatient=[1, 0, 0])]:
            for path in write_series(self.path('bad'), VOLUME):
                change(path, **changes)
            self.assert_rejected(
                ('1.2.3', 'without ImagePositionPatient or '
                          'ImageOrientationPatient'))

    def test_position_that_is_no_number(self):
        change(self.slices[1], ImagePositionPatient='nan\\nan\\nan')
        self.assert_rejected(('1.2.3', 'without ImagePositionPatient'))

    def test_single_slice(self):
        for path in self.slices[1:]:
            os.remove(path)
        self.assert_rejected(('1.2.3', 'single slice'))

    def test_two_slices_at_one_position(self):
        shutil.copy(self.slices[2], self.path('bad', 'copy'))
        self.assert_rejected(('1.2.3', 'two slices at one position'))

    def test_missing_slice(self):
        os.remove(self.slices[3])
        self.assert_rejected(('1.2.3', '2 to 4 mm apart.*missing'))
        # Rounding in the header is no reason.
        paths = write_series(self.path('bad'), VOLUME, step=1.5)
        change(paths[2], ImagePositionPatient=[10, 10, 13.01])
        self.assertEqual(len(find_series(self.folder)[0]), 2)

    def test_damaged_header(self):
        # Rows of two bytes, in a representation that takes eight.
        for path in self.slices:
            damage(path, b'\x28\0\x10\0US', b'\x28\0\x10\0FD')
        self.assert_rejected(*[(path, 'unreadable: .*bytes')
                               for path in self.slices])

    def test_damaged_position(self):
        damage(self.slices[4], b'18.0', b'1?.0')
        self.assert_rejected(('1.2.3', 'without ImagePositionPatient'))

    def test_no_uid(self):
        for path in self.slices:
            change(path, SeriesInstanceUID=None)
        self.assert_rejected(*[(path, 'unreadable: no SeriesInstanceUID')
                               for path in self.slices])

    def test_cut_off_header(self):
        header = self.read('bad/1.2.3-2')
        self.write('bad/1.2.3-2', header[:header.rindex(b'1.2.3') + 2])
        self.assert_rejected(('1.2.3', '2 to 4 mm apart'),
                             ('1.', 'single slice|without ImageP'))

    @unittest.skipIf(os.geteuid() == 0, 'root may read everything')
    def test_no_permission(self):
        shutil.rmtree(self.path('bad'))
        locked = write_series(self.path('locked'), VOLUME)[0]
        os.chmod(locked, 0)
        os.mkdir(self.path('closed'), 0)
        self.addCleanup(os.chmod, self.path('closed'), 0o700)
        self.assert_rejected((self.path('closed'), 'unreadable: Permission'),
                             (locked, 'unreadable: .*Permission'))


class ReadVolumeTest(SeriesTest):
    def test_stored_values(self):
        write_series(self.folder, VOLUME * 16)  # to nearly 2**16
        volume = self.read_only()
        self.assertEqual(volume.dtype, 'float32')
        np.testing.assert_array_equal(volume, VOLUME * 16)

    def test_signed(self):
        write_series(self.folder, VOLUME - 2000)
        np.testing.assert_array_equal(self.read_only(), VOLUME - 2000)

    def test_rescale(self):
        paths = write_series(self.folder, VOLUME, RescaleSlope=0.5,
                             RescaleIntercept=-7)
        change(paths[1], RescaleSlope=2, RescaleIntercept=None)
        change(paths[2], RescaleSlope=None)
        change(paths[3], RescaleSlope='')
        slope = np.array([0.5, 2, 1, 1, 0.5])[:, None, None]
        intercept = np.array([-7, 0, -7, -7, -7])[:, None, None]
        np.testing.assert_array_equal(self.read_only(),
                                      VOLUME * slope + intercept)

    def test_rejects(self):
        def cut_off(path):
            with open(path, 'rb+') as file:
                file.truncate(os.path.getsize(path) - 5)

        for name, spoil, reason in [
                ('cut off', cut_off, 'cannot read its pixels: .+'),
                ('gone', os.remove, 'cannot read its pixels: .+'),
                ('no pixels', lambda path: change(path, PixelData=None),
                 'cannot read its pixels: .+'),
                ('no slope', lambda path: damage(path, b'0.25', b'0.?5'),
                 'cannot read its pixels: .+'),
                ('colours', lambda path: change(
                    path, SamplesPerPixel=3, PhotometricInterpretation='RGB',
                    PlanarConfiguration=0, PixelData=72 * b'\0'),
                 r'colours or several frames.*\(3, 4, 3\)'),
                ('frames', lambda path: change(
                    path, NumberOfFrames=2, PixelData=48 * b'\0'),
                 r'colours or several frames.*\(2, 3, 4\)')]:
            for i in [0, 3]:
                with self.subTest(name, slice=i):
                    paths = write_series(self.path(name), VOLUME,
                                         RescaleSlope='0.25')
                    (series,), _ = find_series(self.path(name))
                    spoil(paths[i])
                    with self.assertRaisesRegex(SeriesError,
                                                f'^1.2.3-{i}: .*{reason}'):
                        read_volume(series)
