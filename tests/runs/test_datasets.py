import os

import numpy as np

from kneerepro import runs
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.runs.datasets import find_dataset, folder_of_runs, hash_of
from tests.folders import FolderTest


class DatasetsTest(FolderTest):
    def dataset(self, name, value):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with new_dataset(path, (1, 2, 2)) as writer:
            writer.append(np.full((1, 2, 2), value), 'P')
        return path

    def run_on(self, path):
        with Dataset(path) as dataset:
            settings = {
                'experiment': 'cae2d',
                'preset': 'smoke',
                'parameters': {},
                'data': {'hash': dataset.hash},
            }
        return runs.create(self.path('runs'), settings, {'data': path})

    def test_hash(self):
        path = self.dataset('k.h5', 0.5)
        with Dataset(path) as dataset:
            self.assertEqual(hash_of(path), dataset.hash)
        self.assertIsNone(hash_of(self.write('other.h5', 'text')))
        self.assertIsNone(hash_of(self.folder))
        self.assertIsNone(hash_of(self.path('missing')))

    def test_places(self):
        path = self.dataset('k.h5', 0.5)
        others = [
            self.dataset('other.h5', 0.2),
            self.dataset('runs/datasets/other.h5', 0.3),
        ]
        run = self.run_on(path)
        self.assertEqual(folder_of_runs(run), self.path('runs'))
        self.assertEqual(find_dataset(run), path)
        for place in 'runs/datasets/b.h5', 'out [1]/datasets/c.h5':
            os.makedirs(os.path.dirname(self.path(place)), exist_ok=True)
            os.rename(path, self.path(place))
            path = self.path(place)
            self.assertEqual(
                find_dataset(run, others, self.path('out [1]')), path
            )
        self.assertIsNone(find_dataset(run))
        self.assertEqual(find_dataset(run, [*others, path]), path)

    def test_another_in_its_place(self):
        run = self.run_on(self.dataset('k.h5', 0.5))
        self.dataset('k.h5', 0.6)
        self.assertIsNone(find_dataset(run))
