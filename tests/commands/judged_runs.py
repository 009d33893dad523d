"""Finished runs on a dataset, to be judged."""

import os
from unittest import mock

import numpy as np

from kneerepro import runs
from kneerepro.data.dataset import Dataset
from tests.commands.common import SHAPE, CommandTest
from tests.modes import ON_ENGINE


class JudgedRunsTest(CommandTest):
    """Has a dataset, and makes runs that say they were trained on it."""

    def setUp(self):
        super().setUp()
        patch = mock.patch(
            'kneerepro.claims.evidence.Engine',
            return_value=mock.Mock(mode=ON_ENGINE),
        )
        patch.start()
        self.addCleanup(patch.stop)
        self.out = self.path('runs')
        self.data = self.dataset(name='runs/datasets/knees.h5')
        with Dataset(self.data) as dataset:
            self.hash = dataset.hash
            self.truth = dataset.images[:][:, 0]

    def judged_run(self, experiment, results=None, hash=None, **changes):
        """Make a finished run on the dataset."""
        folder = self.finished_run(experiment, **changes)
        self.rewrite(
            folder,
            data={
                'synthetic': True,
                'hash': hash or self.hash,
                'volumes': 3,
                'shape': list(SHAPE),
                'train': 38,
                'test': 10,
            },
        )
        run = runs.Run(folder)
        run.save_results(
            {'code_spread': np.array([np.nan, 0.3]), **(results or {})}
        )
        return run

    def dataset(self, name, **options):
        os.makedirs(os.path.dirname(self.path(name)))
        return super().dataset(name=name, **options)
