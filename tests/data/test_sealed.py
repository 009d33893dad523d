import h5py
import numpy as np

from kneerepro.data.sealed import (
    DATASET,
    PART,
    check_sealed,
    is_sealed,
    new_sealed,
    open_sealed,
)
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class SealedTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.file = self.path('file')
        with new_sealed(self.file, PART, 3) as file:
            file['numbers'] = np.arange(5)

    def assert_refused(self, pattern, path=None, kind=PART, readable=(2, 3)):
        with self.assertRaisesRegex(UserError, pattern):
            check_sealed(path or self.file, kind, readable)

    def test_comes_back(self):
        version, digest = check_sealed(self.file, PART, [2, 3])
        self.assertEqual(version, 3)
        self.assertRegex(digest, '^[0-9a-f]{64}$')
        with open_sealed(self.file) as file:
            self.assertEqual(list(file['numbers']), list(range(5)))

    def test_kinds(self):
        self.assertTrue(is_sealed(self.file, PART))
        self.assertFalse(is_sealed(self.file, DATASET))
        self.assertFalse(is_sealed(self.path('nowhere'), PART))
        self.assert_refused(
            'is a part of a dataset, not a dataset: join all', kind=DATASET
        )
        with new_sealed(self.path('other'), DATASET, 3) as file:
            file['numbers'] = np.arange(5)
        self.assert_refused(
            'is a dataset, not a part of a dataset: make parts',
            self.path('other'),
        )

    def test_other_files(self):
        for content in b'', b'text', bytes(5000):
            self.assert_refused(
                'is not a part of a dataset of this package',
                self.write('text', content),
            )
        with h5py.File(self.path('plain'), 'w', userblock_size=512) as file:
            file['numbers'] = np.arange(5)
        self.assert_refused('is not a part', self.path('plain'))
        self.assert_refused('No such file', self.path('nowhere'))

    def test_versions(self):
        self.assert_refused('version 3, but .* reads 4:', readable=[4])
        self.assert_refused(
            'version 3, but .* reads 4 to 6:', readable=range(4, 7)
        )

    def test_damaged(self):
        content = bytearray(self.read('file'))
        content[-1] ^= 1
        self.write('file', bytes(content))
        self.assert_refused('disagree with their checksum')
        check_sealed(self.file, PART, [3], verify=False)
        self.write('file', bytes(content[:-1]))
        self.assert_refused('bytes instead of')

    def test_no_hdf5(self):
        """Its checksum is right, so it was never otherwise."""
        with open(self.file, 'rb+') as file:
            block = file.read(512)
        self.write('file', block + b'text')
        with self.assertRaisesRegex(UserError, 'cannot be read as HDF5'):
            open_sealed(self.file)
