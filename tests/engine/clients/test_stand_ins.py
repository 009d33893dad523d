import builtins
import gzip
import io
import os
import pickle
import urllib.request
from unittest import mock

import numpy as np

from tests.engine.clients.stand_ins import MAKERS, StandIns
from tests.folders import FolderTest


class StandInsTest(FolderTest):
    def setUp(self):
        super().setUp()
        for module, *names in [
            (builtins, 'open'),
            (io, 'open'),
            (os.path, 'exists', 'isfile'),
            (urllib.request, 'urlopen', 'urlretrieve'),
        ]:
            for name in names:
                patch = mock.patch.object(module, name, getattr(module, name))
                patch.start()
                self.addCleanup(patch.stop)
        StandIns(self.path('data')).install()

    def test_pickled_images(self):
        path = self.path('nowhere/mnist.pkl.gz')
        self.assertTrue(os.path.isfile(path))
        with gzip.open(path) as file:
            train, valid, test = pickle.load(file)
        for images, labels in train, valid, test:
            self.assertEqual(images.shape, (len(labels), 784))
            self.assertEqual((images.min(), images.max()), (0, 1))
            self.assertEqual(set(labels), set(range(10)))

    def test_idx(self):
        with gzip.open('t10k-images-idx3-ubyte.gz') as file:
            content = file.read()
        self.assertEqual(
            np.frombuffer(content, '>i4', 4).tolist(), [2051, 1000, 28, 28]
        )
        self.assertEqual(len(content), 16 + 1000 * 28 * 28)
        with gzip.open('t10k-labels-idx1-ubyte.gz') as file:
            content = file.read()
        self.assertEqual(
            np.frombuffer(content, '>i4', 2).tolist(), [2049, 1000]
        )

    def test_texts(self):
        with np.load('imdb.npz', allow_pickle=True) as file:
            self.assertEqual(len(file['x_train']), len(file['y_train']))
            self.assertIsInstance(file['x_train'][0], list)

    def test_pickled_texts(self):
        with open('imdb.pkl', 'rb') as file:
            for _ in 'training', 'testing':
                texts, labels = pickle.load(file)
                self.assertEqual(len(texts), len(labels))
                self.assertIsInstance(texts[0], list)
            self.assertEqual(file.read(), b'')

    def test_sentences(self):
        """The program counts the words and the labels that occur."""
        with gzip.open('atis.fold3.pkl.gz') as file:
            *sets, meanings = pickle.load(file)
        self.assertEqual(len(sets), 3)
        for column, kind in enumerate(['words', 'tables', 'labels']):
            numbers = np.concatenate(
                [x for part in sets for x in part[column]]
            )
            self.assertEqual(
                set(numbers), set(meanings[f'{kind}2idx'].values())
            )

    def test_batches(self):
        with np.load(self.path('mnist_batches.npz')) as file:
            for part in 'train', 'test':
                images = file[f'{part}_data']
                self.assertEqual(
                    images.shape, (len(file[f'{part}_labels']), 784)
                )

    def test_other_files(self):
        path = self.write('mnist.pkl.gz', b'own')
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), b'own')
        with open(self.path('reuters.npz'), 'w') as file:
            file.write('written')
        with open(self.path('reuters.npz')) as file:
            self.assertEqual(file.read(), 'written')
        self.assertFalse(os.path.exists(self.path('unknown')))
        with self.assertRaises(FileNotFoundError):
            open(self.path('unknown'))  # noqa: SIM115

    def test_nothing_is_downloaded(self):
        with self.assertRaisesRegex(OSError, 'x.gz, for which .* no stand-in'):
            urllib.request.urlretrieve('http://y/x.gz', 'x.gz')

    def test_names(self):
        for name in MAKERS:
            self.assertEqual(os.path.basename(name), name)
