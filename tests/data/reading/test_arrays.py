import os
import tracemalloc

import h5py
import numpy as np
import scipy.io

from kneerepro.data.reading.arrays import (
    ArrayVolume,
    find_volumes,
    is_array_file,
    read_volume,
)
from kneerepro.data.reading.defects import DefectError
from tests.folders import FolderTest

VOLUMES = np.random.RandomState(1).randint(0, 200, (3, 4, 5, 6))


class ArraysTest(FolderTest):
    def npy(self, array, name='array'):
        path = self.path(name)
        with open(path, 'wb') as file:
            np.save(file, array)
        return path

    def mat5(self, compress=False, **variables):
        path = self.path('mat5')
        with open(path, 'wb') as file:
            scipy.io.savemat(file, variables, do_compression=compress)
        return path

    def mat73(self, classes=None, **variables):
        path = self.path('mat73')
        with h5py.File(path, 'w', userblock_size=512) as file:
            for name, array in variables.items():
                file.create_dataset(name, data=np.asarray(array).T)
                file[name].attrs['MATLAB_class'] = np.bytes_(
                    (classes or {}).get(name, 'double')
                )
        with open(path, 'rb+') as file:
            file.write(
                b'MATLAB 7.3 MAT-file, Platform: GLNXA64'.ljust(124)
                + b'\0\2IM'
            )
        return path

    def read(self, path, depth=160):
        return [read_volume(volume) for volume in find_volumes(path, depth)]

    def assert_volumes(self, path, expected, **kwargs):
        with open(path, 'rb') as file:
            self.assertTrue(is_array_file(file.read(1024)))
        volumes = find_volumes(path, **kwargs)
        self.assertEqual(len(volumes), len(expected))
        for volume, wanted in zip(volumes, expected):
            values = read_volume(volume)
            self.assertEqual(volume.shape, wanted.shape)
            self.assertEqual(volume.paths(), [path])
            self.assertEqual(values.dtype, 'float32')
            np.testing.assert_array_equal(values, wanted)

    def assert_defect(self, code, path, **kwargs):
        with self.assertRaises(DefectError) as caught:
            self.read(path, **kwargs)
        self.assertEqual(caught.exception.code, code)


class NpyTest(ArraysTest):
    def test_layouts(self):
        self.assert_volumes(self.npy(VOLUMES[0]), VOLUMES[:1])
        self.assert_volumes(self.npy(VOLUMES), VOLUMES)
        self.assert_volumes(self.npy(VOLUMES[:, None]), VOLUMES)
        self.assert_volumes(
            self.npy(VOLUMES.reshape(12, 1, 5, 6)), VOLUMES, depth=4
        )

    def test_types(self):
        for dtype in '>i2', 'u1', '<f8', '>f4', 'f2':
            self.assert_volumes(self.npy(VOLUMES.astype(dtype)), VOLUMES)
        self.assert_volumes(self.npy(VOLUMES > 100), VOLUMES > 100)
        self.assert_volumes(self.npy(np.asfortranarray(VOLUMES)), VOLUMES)

    def test_images_that_make_no_volumes(self):
        self.assert_defect(
            'WRONG_SHAPE', self.npy(VOLUMES.reshape(12, 1, 5, 6)), depth=5
        )

    def test_no_volumes(self):
        for array in [
            np.zeros(5),
            np.zeros((5, 5)),
            np.array('text'),
            np.zeros((3, 4, 5), complex),
            np.zeros((2, 2, 2, 2, 2, 2)),
        ]:
            self.assert_defect('NO_VOLUME', self.npy(array))
        self.assert_defect('WRONG_SHAPE', self.npy(np.zeros((1, 5, 6))))
        self.assert_defect('WRONG_SHAPE', self.npy(np.zeros((3, 2, 4, 5, 6))))

    def test_pickle(self):
        array = np.empty((2, 2, 2), object)
        path = self.path('pickle')
        with open(path, 'wb') as file:
            np.save(file, array, allow_pickle=True)
        self.assert_defect('NO_VOLUME', path)

    def test_truncated(self):
        path = self.npy(VOLUMES)
        with open(path, 'rb+') as file:
            file.truncate(os.path.getsize(path) - 1)
        self.assert_defect('TRUNCATED_PIXELS', path)
        with open(path, 'rb+') as file:
            file.truncate(60)
        self.assert_defect('UNREADABLE', path)

    def test_absurd(self):
        path = self.path('absurd')
        with open(path, 'wb') as file:
            np.lib.format.write_array_header_1_0(
                file,
                {
                    'descr': '<f8',
                    'fortran_order': False,
                    'shape': (10**4,) * 3,
                },
            )
            file.write(bytes(1000))
        tracemalloc.start()
        self.assert_defect('TRUNCATED_PIXELS', path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertLess(peak, 1e6)

    def test_not_finite(self):
        array = VOLUMES.astype(float)
        array[1, 2, 3, 4] = np.nan
        path = self.npy(array)
        first, second, _ = find_volumes(path)
        read_volume(first)
        with self.assertRaises(DefectError) as caught:
            read_volume(second)
        self.assertEqual(caught.exception.code, 'NOT_FINITE')


class MatTest(ArraysTest):
    # As the thesis made them: rows x columns x slices (x patients).
    SINGLE = np.moveaxis(VOLUMES[0], 0, 2)
    ALL = np.moveaxis(np.moveaxis(VOLUMES, 0, 3), 0, 2)

    def both(self, **variables):
        return (
            self.mat5(**variables),
            self.mat5(True, **variables),
            self.mat73(**variables),
        )

    def test_layouts(self):
        self.assertEqual(self.SINGLE.shape, (5, 6, 4))
        self.assertEqual(self.ALL.shape, (5, 6, 4, 3))
        for path in self.both(knee=self.SINGLE):
            self.assert_volumes(path, VOLUMES[:1])
        for path in self.both(knees=self.ALL):
            self.assert_volumes(path, VOLUMES)
        for path in self.both(dataset=VOLUMES[:, None]):
            self.assert_volumes(path, VOLUMES)

    def test_types(self):
        for dtype in 'float64', 'float32', 'int16', 'uint8':
            for path in self.both(knees=self.ALL.astype(dtype)):
                self.assert_volumes(path, VOLUMES)

    def test_other_variables(self):
        others = dict(spacing=np.eye(2), patient='somebody')
        path = self.mat5(
            knee=self.SINGLE, cell=np.array([[1, 'a']], object), **others
        )
        self.assert_volumes(path, VOLUMES[:1])
        self.assert_volumes(
            self.mat73(
                {'text': 'char'},
                knee=self.SINGLE,
                text=self.SINGLE.astype('u2'),
            ),
            VOLUMES[:1],
        )
        self.assert_defect('NO_VOLUME', self.mat5(**others))

    def test_names(self):
        for name in 'knie_ö', b'knee\xff', 'a b':
            path = self.mat73(v=self.SINGLE)
            with h5py.File(path, 'r+') as file:
                file.move('v', name)
            self.assert_volumes(path, VOLUMES[:1])
            (volume,) = find_volumes(path)
            self.assertIsInstance(volume.name, str)

    def test_link_to_nowhere(self):
        path = self.mat73(knee=self.SINGLE)
        with h5py.File(path, 'r+') as file:
            file['link'] = h5py.SoftLink('/nowhere')
        self.assert_volumes(path, VOLUMES[:1])

    def test_complex(self):
        for path in self.both(z=self.SINGLE * 1j):
            self.assert_defect('NO_VOLUME', path)

    def test_several_variables(self):
        for path in self.both(a=self.SINGLE, b=self.ALL + 1):
            found = find_volumes(path)
            self.assertEqual(
                [(volume.name, volume.index) for volume in found],
                [('a', 0), ('b', 0), ('b', 1), ('b', 2)],
            )
            np.testing.assert_array_equal(
                read_volume(found[3]), VOLUMES[2] + 1
            )

    def test_damaged(self):
        for path in self.both(knees=self.ALL):
            size = os.path.getsize(path)
            with open(path, 'rb+') as file:
                file.truncate(size - 200)
            with self.assertRaises(DefectError):
                self.read(path)

    def test_absurd(self):
        path = self.path('absurd')
        with h5py.File(path, 'w', userblock_size=512) as file:
            file.create_dataset('v', (10**4,) * 3, 'f8', chunks=(10, 10, 10))
        with open(path, 'rb+') as file:
            file.write(b'MATLAB 7.3 MAT-file')
        self.assert_defect('TRUNCATED_PIXELS', path)

    def test_changed_between(self):
        path = self.mat5(knee=self.SINGLE)
        (volume,) = find_volumes(path)
        read_volume(volume)
        path = self.mat5(knee=self.SINGLE + 1)
        os.utime(path, (5, 5))
        np.testing.assert_array_equal(read_volume(volume), VOLUMES[0] + 1)

    def test_gone(self):
        with self.assertRaises(DefectError):
            read_volume(
                ArrayVolume(
                    path=self.path('nowhere'),
                    name='v',
                    index=0,
                    shape=(4, 5, 6),
                )
            )


class MagicTest(ArraysTest):
    def test_others(self):
        for head in [
            b'',
            b'text',
            bytes(132) + b'DICM',
            b'\x89HDF\r\n\x1a\n',
            b'MATLAB 7.3 MAT-file',
            b'MATLAB is a program',
        ]:
            self.assertFalse(is_array_file(head), head)
