import os

import h5py
import numpy as np

from kneerepro.data.dataset import (
    FORMAT, VERSION, Dataset, new_dataset, split_volumes)
from kneerepro.errors import UserError
from tests.folders import FolderTest
from tests.subprocesses import run_python

VOLUMES = np.random.RandomState(1).rand(9, 1, 2, 3, 4).astype('float32')


class DatasetTest(FolderTest):
    def make(self, volumes=VOLUMES, patients=range(100), name='volumes.h5'):
        path = self.path(name)
        with new_dataset(path, len(volumes), volumes.shape[2:],
                         {'source': 'tests'}) as write:
            for i, volume in enumerate(volumes):
                write(i, volume[0], patients[i])
        return path


class RoundTripTest(DatasetTest):
    def test_all_comes_back(self):
        path = self.make(patients=[3, 3, 1, 1, 2, 2, 0, 0, 0])
        with Dataset(path) as dataset:
            self.assertEqual(dataset.volumes.dtype, 'float32')
            np.testing.assert_array_equal(dataset.volumes[:], VOLUMES)
            np.testing.assert_array_equal(dataset.volumes[-1, 0, :, 1],
                                          VOLUMES[-1, 0, :, 1])
            np.testing.assert_array_equal(dataset.patient,
                                          [3, 3, 1, 1, 2, 2, 0, 0, 0])
            self.assertEqual(dataset.attributes['source'], 'tests')
        self.assertFalse(dataset.volumes)  # closed

    def test_fails_as_a_whole(self):
        path = self.make(VOLUMES[:2])
        before = self.read(path)
        with self.assertRaises(ZeroDivisionError):
            with new_dataset(path, 2, (2, 3, 4), {}) as write:
                write(0, VOLUMES[0, 0], 0)
                1 / 0
        self.assertEqual(os.listdir(self.folder), ['volumes.h5'])
        self.assertEqual(self.read(path), before)


    def test_full_disk(self):
        # In a process of its own, which HDF5 would crash at its exit.
        done = run_python('''
import os, resource, signal, sys
import numpy as np
from kneerepro.data.dataset import new_dataset
from kneerepro.errors import UserError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    with new_dataset(sys.argv[1], 2, (2, 30, 40), {}) as write:
        write(0, np.ones((2, 30, 40)), 0)
except UserError as error:
    print(error, flush=True)
os._exit(0)
''', arguments=[self.path('volumes.h5')])
        self.assertEqual(done.stdout, f'cannot write {self.path("volumes.h5")}'
                                      ': File too large\n')
        self.assertEqual(os.listdir(self.folder), [])


class DefectTest(DatasetTest):
    def assert_refused(self, path, pattern):
        with self.assertRaisesRegex(UserError, pattern) as context:
            Dataset(path)
        self.assertIn(path, str(context.exception))
        self.assertNotIn('\n', str(context.exception))

    def spoil(self, **members):
        """A dataset file with other members, or without where None."""
        path = self.make()
        with h5py.File(path, 'r+') as file:
            for name, value in members.items():
                if name in file.attrs:
                    members = file.attrs
                else:
                    members = file
                del members[name]
                if value is not None:
                    members[name] = value
        return path

    def test_no_dataset(self):
        self.assert_refused(self.path('missing.h5'),
                            'No such file')
        self.assert_refused(self.write('text', 'no HDF5'), 'as HDF5')
        self.assert_refused(self.write('empty'), 'as HDF5')
        self.assert_refused(self.folder, 'Is a directory')
        path = self.make()
        self.assert_refused(
            self.write('cut', self.read(path)[:-100]), 'as HDF5')

    def test_other_file(self):
        for format_ in [None, 'another', 7, ['a', 'list'], b'\xff']:
            self.assert_refused(self.spoil(format=format_),
                                'no dataset of this package')
        with h5py.File(self.path('plain.h5'), 'w') as file:
            file['volumes'] = VOLUMES
        self.assert_refused(self.path('plain.h5'),
                            'no dataset of this package: make one with')

    def test_other_version(self):
        self.assertEqual(FORMAT, 'kneerepro volumes')
        for version in [VERSION + 1, None, [VERSION, 2], 'x']:
            self.assert_refused(
                self.spoil(version=version),
                'format version .*reads 1: prepare it again')
        Dataset(self.spoil(version=VERSION)).close()

    def test_missing_member(self):
        for name in ['volumes', 'patient']:
            path = self.spoil(**{name: None})
            self.assert_refused(path, f'incomplete: no dataset {name}')
            with h5py.File(path, 'r+') as file:
                file.create_group(name)
            self.assert_refused(path, f'incomplete: no dataset {name}')

    def test_other_volumes(self):
        for volumes in [VOLUMES[:, 0], VOLUMES.astype('float64'),
                        (VOLUMES * 255).astype('uint8'), np.float32(1),
                        np.repeat(VOLUMES, 2, axis=1), VOLUMES[:0],
                        VOLUMES[:, :, :0]]:
            self.assert_refused(
                self.spoil(volumes=volumes),
                r'holds (\w+) volumes of shape \(.*float32 of shape')

    def test_other_patients(self):
        for patient in [range(8), 0, np.arange(9.), [b'name'] * 9,
                        np.zeros((9, 1), int)]:
            self.assert_refused(self.spoil(patient=patient),
                                'integer for each volume')


class SplitTest(DatasetTest):
    def split(self, count, test=None, patients=range(100)):
        path = self.make(np.resize(VOLUMES, (count, 1, 2, 3, 4)), patients)
        with Dataset(path) as dataset:
            return split_volumes(dataset, test)

    def test_last_are_the_test_set(self):
        train, test, shared = self.split(9, 2)
        self.assertFalse(shared)
        for part, expected in [(train, VOLUMES[:7]), (test, VOLUMES[7:])]:
            self.assertIsInstance(part, np.ndarray)
            self.assertEqual(part.dtype, 'float32')
            np.testing.assert_array_equal(part, expected)

    def test_default_is_one_in_nine(self):
        # "A training set of 160 3D images [...] alongside a test set of the
        # remaining 20 images"
        for count, expected in [(2, 1), (9, 1), (27, 3), (180, 20)]:
            train, test, _ = self.split(count, patients=range(count))
            self.assertEqual((len(train), len(test)),
                             (count - expected, expected))

    def test_neither_side_is_empty(self):
        for count, test in [(1, None), (1, 1), (3, 3), (3, 4), (3, 0),
                            (3, -1)]:
            with self.assertRaisesRegex(UserError, f'^{count} volumes'):
                self.split(count, test)
        train, test, _ = self.split(3, 2)
        self.assertEqual((len(train), len(test)), (1, 2))

    def test_people_on_both_sides(self):
        self.assertFalse(self.split(4, 2, [5, 5, 6, 6])[2])
        self.assertTrue(self.split(4, 1, [5, 5, 6, 6])[2])
        self.assertTrue(self.split(4, 2, [5, 6, 7, 5])[2])

    def test_values_outside_the_unit_interval(self):
        for i in [0, 8]:
            for value in [np.nan, np.inf, -0.01, 1.01]:
                volumes = VOLUMES.copy()
                volumes[i, 0, 1, 2, 3] = value
                with Dataset(self.make(volumes)) as dataset:
                    with self.assertRaisesRegex(UserError, r'in \[0, 1\]'):
                        split_volumes(dataset)
