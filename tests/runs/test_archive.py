"""Tests of archives."""

import json
import os
import random
import zipfile
from unittest import mock

import numpy as np

from kneerepro.runs import archive
from kneerepro.runs.archive import ArchiveError
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest

ARRAYS = {
    'a.W': np.arange(600, dtype='float32').reshape(2, 3, 100),
    'train.0': np.float32(0.5),
    'state': np.arange(6).astype('int32'),
    'none': np.zeros((0, 3)),
    'names': np.array(['a', 'bc']),
}
META = {'iteration': 3, 'settings': {'nz': 100, 'rate': 1e-4, 'x': None}}


class ArchiveTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.file = self.path('folder', 'file.npz')

    def save(self, **arrays):
        archive.save(self.file, 'checkpoint', {**ARRAYS, **arrays}, META)

    def assert_holds(self, **arrays):
        loaded, meta = archive.load(self.file, 'checkpoint')
        self.assertEqual(meta, META)
        self.assertEqual(set(loaded), set(ARRAYS))
        for name, array in {**ARRAYS, **arrays}.items():
            np.testing.assert_array_equal(loaded[name], array)
            self.assertEqual(loaded[name].dtype, array.dtype)

    def assert_refused(self, message, kind='checkpoint'):
        with self.assertRaisesRegex(ArchiveError, message) as caught:
            archive.load(self.file, kind)
        self.assertIn(self.file, str(caught.exception))


class RoundTripTest(ArchiveTest):
    def test_arrays_and_meta(self):
        self.save()
        self.assert_holds()

    def test_numpy_reads_it(self):
        self.save()
        with np.load(self.file) as file:
            np.testing.assert_array_equal(file['a.W'], ARRAYS['a.W'])

    def test_same_content_same_bytes(self):
        self.save()
        first = self.read('folder/file.npz')
        self.save()
        self.assertEqual(self.read('folder/file.npz'), first)

    def test_no_pickle(self):
        with self.assertRaises(ValueError):
            self.save(objects=np.array([{}, None]))
        self.assertEqual(os.listdir(self.path('folder')), [])


class DamageTest(ArchiveTest):
    def test_truncated(self):
        self.save()
        content = self.read('folder/file.npz')
        for length in 0, 1, 1000, len(content) // 2, len(content) - 1:
            self.write('folder/file.npz', content[:length])
            self.assert_refused('truncated or damaged')

    def test_every_byte_that_matters_is_checked(self):
        # A changed byte is either refused or makes no difference, such as one
        # of the ZIP version that is said to be required.
        self.save()
        content = self.read('folder/file.npz')
        places = random.Random(0).sample(range(len(content)), 300)
        refused = 0
        for place in places:
            changed = bytearray(content)
            changed[place] ^= 0x41
            self.write('folder/file.npz', bytes(changed))
            try:
                self.assert_holds()
            except ArchiveError:
                refused += 1
        self.assertGreater(refused, 200)

    def test_exchanged_array(self):
        # A whole member of another archive, whose own CRC is right.
        self.save()
        with zipfile.ZipFile(self.file) as file:
            members = {name: file.read(name) for name in file.namelist()}
        self.save(state=np.zeros(6, 'int32'))
        with zipfile.ZipFile(self.file) as file:
            members['state.npy'] = file.read('state.npy')
        with zipfile.ZipFile(self.file, 'w') as file:
            for name, member in members.items():
                file.writestr(name, member)
        self.assert_refused('state does not match its checksum')

    def test_missing_array(self):
        self.save()
        with zipfile.ZipFile(self.file) as file:
            meta = file.read('meta.json')
        with zipfile.ZipFile(self.file, 'w') as file:
            file.writestr('meta.json', meta)
        self.assert_refused('damaged')

    def test_no_file(self):
        self.assert_refused('No such file')
        os.makedirs(self.file)
        self.assert_refused('Is a directory')


class ForeignTest(ArchiveTest):
    def test_other_kind(self):
        self.save()
        self.assert_refused(
            'is a checkpoint file, but a model file is required', 'model'
        )

    def test_plain_npz(self):
        os.makedirs(self.path('folder'))
        np.savez(self.file, **ARRAYS)
        self.assert_refused('is not a checkpoint file of this package')

    def test_other_version(self):
        with mock.patch('kneerepro.runs.archive.VERSION', 7):
            self.save()
        self.assert_refused('has format version 7, .* reads only 1')

    def test_other_json(self):
        os.makedirs(self.path('folder'))
        for meta in [], {}, 'kind', None:
            with zipfile.ZipFile(self.file, 'w') as file:
                file.writestr('meta.json', json.dumps(meta))
            self.assert_refused('is not a checkpoint file of this package')


class WritingTest(ArchiveTest):
    def test_a_failure_leaves_the_old_file(self):
        self.save()
        for name in 'os.replace', 'os.fsync':
            with (
                mock.patch(name, side_effect=OSError(28, 'full')),
                self.assertRaisesRegex(UserError, 'No space left'),
            ):
                self.save(state=np.zeros(6, 'int32'))
            self.assert_holds()
            self.assertEqual(os.listdir(self.path('folder')), ['file.npz'])
