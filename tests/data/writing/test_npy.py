import os
from unittest import mock

import numpy as np

from kneerepro.data.writing.npy import NpyWriter
from kneerepro.data.writing.records import Output
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from tests.folders import FolderTest


class NpyWriterTest(FolderTest):
    def setUp(self):
        super().setUp()
        rng = np.random.RandomState(0)
        self.arrays = {
            kind: rng.rand(3, 2, 4, 5).astype('float32')
            for kind in ('ground_truth', 'reconstruction', 'squared_error')
        }

    def write_all(self):
        with NpyWriter(self.folder, 3) as writer:
            for i in range(3):
                for kind, volumes in self.arrays.items():
                    writer.add(Output(i, kind, volumes[i]), None)
            self.assertFalse(any(map(os.path.exists, writer.paths(''))))

    def test_arrays(self):
        self.write_all()
        self.assertEqual(
            sorted(os.listdir(self.folder)),
            ['reconstruction.npy', 'squared_error.npy'],
        )
        for path in NpyWriter.paths(self.folder):
            kind = os.path.splitext(os.path.basename(path))[0]
            loaded = np.load(path, mmap_mode='r')
            self.assertEqual(loaded.dtype, 'float32')
            np.testing.assert_array_equal(loaded, self.arrays[kind][:, None])

    def test_a_failure_leaves_what_was_there(self):
        self.write('reconstruction.npy', 'old')
        with (
            self.assertRaisesRegex(UserError, 'cannot write .*No space'),
            NpyWriter(self.folder, 1) as writer,
        ):
            writer.add(Output(0, 'reconstruction', np.zeros((1, 1, 1))), None)
            raise OSError(28, 'full')
        self.assertEqual(os.listdir(self.folder), ['reconstruction.npy'])
        self.assertEqual(self.read('reconstruction.npy'), b'old')

    def test_a_folder_that_cannot_be_written(self):
        self.write('file')
        with (
            self.assertRaisesRegex(UserError, 'cannot write .*not a folder'),
            NpyWriter(self.path('file'), 1),
        ):
            pass

    def test_an_error_while_it_opens_leaves_nothing(self):
        with (
            mock.patch(
                'kneerepro.data.writing.npy.replacing',
                side_effect=[replacing(self.path('a')), KeyError],
            ),
            self.assertRaises(KeyError),
        ):
            NpyWriter(self.folder, 1).__enter__()
        self.assertEqual(os.listdir(self.folder), [])
