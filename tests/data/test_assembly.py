import json
import os
from dataclasses import replace

import numpy as np

from kneerepro.data.assembly import (
    Assembly,
    is_made_from,
    keep_current,
    outputs,
)
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.data.label_table import read_labels
from tests.data.test_outcomes import conversion, outcome, record
from tests.folders import FolderTest

VOLUMES = np.random.RandomState(1).rand(2, 3, 4, 4).astype('float32')
MADE_FROM = {'source': 'f', 'columns': ('a', 'b')}


class AssemblyTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('v.h5')

    def make(self, options=Options(depth=3, size=4), pixels='ab', labels=None):
        """Make a dataset of two series; returns the summary."""
        with new_dataset(self.out, (3, 4, 4)) as writer:
            assembly = Assembly(
                self.out,
                writer,
                options,
                lambda volume: VOLUMES[int(volume.path)],
            )
            for i, pixel_hash in enumerate(pixels):
                converted = replace(
                    conversion(pixel_hash),
                    path=str(i),
                    low=float(VOLUMES[i].min()),
                    high=float(VOLUMES[i].max()),
                )
                assembly.add(outcome(record(uid=f'1.{i}'), converted))
            assembly.add(outcome(record(selected=False)))
            return assembly.finish(MADE_FROM, labels, str.lower)

    def volumes(self):
        with Dataset(self.out) as dataset:
            return np.asarray(dataset.volumes)[:, 0]

    def test_volumes(self):
        summary = self.make()
        self.assertEqual((summary.converted, summary.not_selected), (2, 1))
        np.testing.assert_array_equal(self.volumes(), VOLUMES)
        with Dataset(self.out) as dataset:
            self.assertEqual(list(dataset.series), ['1.0', '1.1'])
            self.assertEqual(
                dataset.provenance,
                {
                    **json.loads(json.dumps(MADE_FROM)),
                    'converted': 2,
                    'rejected': 0,
                    'not_selected': 1,
                },
            )
        with open(self.path('v.report.json')) as file:
            self.assertEqual(
                [row['volume'] for row in json.load(file)], [0, 1, '']
            )

    def test_same_pixels(self):
        self.make(pixels='aa')
        np.testing.assert_array_equal(self.volumes(), VOLUMES[:1])

    def test_scaled_over_the_dataset(self):
        self.make(Options(depth=3, size=4, normalise='dataset'))
        low, high = VOLUMES.min(), VOLUMES.max()
        np.testing.assert_allclose(
            self.volumes(), (VOLUMES - low) / (high - low), atol=1e-6
        )

    def test_labels(self):
        labels = read_labels(self.write('t.csv', 'id,x\nP,7\nQ,8\n'))
        summary = self.make(labels=labels)
        self.assertEqual(summary.labels.matched, 2)
        with Dataset(self.out) as dataset:
            self.assertEqual(list(dataset.labels['x']), [7, 7])
        self.assertIn(b'row,3,q,', self.read('v.labels.csv'))

    def test_outputs(self):
        self.make(labels=read_labels(self.write('t.csv', 'id,x\nP,7\n')))
        os.remove(self.path('t.csv'))
        keep_current(self.out, MADE_FROM, 1, npy=True)
        self.assertEqual(
            sorted(outputs(self.out)),
            sorted(self.path(name) for name in os.listdir(self.folder)),
        )

    def test_keep_current(self):
        self.assertFalse(keep_current(self.out, MADE_FROM, 1, npy=False))
        self.make()
        for made_from, at_least, current in [
            (MADE_FROM, 2, True),
            (MADE_FROM, 3, False),
            ({**MADE_FROM, 'source': 'g'}, 1, False),
            ({**MADE_FROM, 'new': None}, 1, True),
            ({**MADE_FROM, 'new': 1}, 1, False),
        ]:
            self.assertEqual(
                keep_current(self.out, made_from, at_least, npy=False),
                current,
            )
        self.assertFalse(os.path.exists(self.path('v.npy')))
        self.assertTrue(keep_current(self.out, MADE_FROM, 1, npy=True))
        np.testing.assert_array_equal(
            np.load(self.path('v.npy'))[:, 0], VOLUMES
        )

    def test_is_made_from(self):
        found = {'a': [1, 2], 'b': 3}
        self.assertTrue(is_made_from(found, {'a': (1, 2)}))
        self.assertFalse(is_made_from(found, {'a': (1, 3)}))
