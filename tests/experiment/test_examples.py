import contextlib
import io
import types
import unittest
from unittest import mock

import numpy as np

from kneerepro.data.dataset import new_dataset
from kneerepro.data.views import View
from kneerepro.experiment import examples
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest
from tests.runs.fake_processes import become_process


class OpenDatasetTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.paths = [self.path(f'{i}.h5') for i in range(2)]
        for i, path in enumerate(self.paths):
            with new_dataset(path, (2, 2, 2)) as writer:
                writer.append(np.full((2, 2, 2), i / 2), 'a')

    def test_only_the_first_process_verifies_it(self):
        for rank in 0, 1:
            processes = become_process(self, rank)
            with mock.patch.object(examples, 'Dataset') as opened:
                processes.shared = [opened.return_value.hash]
                examples.open_dataset('knees.h5')
            opened.assert_called_once_with('knees.h5', verify=rank == 0)

    def test_another_file_on_another_machine(self):
        with examples.open_dataset(self.paths[0]) as dataset:
            expected = dataset.hash
        for path, fits in zip(self.paths, [True, False]):
            become_process(self, 1).shared = [expected]
            if fits:
                examples.open_dataset(path).close()
                continue
            with self.assertRaisesRegex(
                UserError, 'the machine of process 1 is not the dataset'
            ):
                examples.open_dataset(path)


class TakeExamplesTest(unittest.TestCase):
    def take(self, values, **parameters):
        volumes = np.zeros((5, 1, 2, 2, 2), 'float32')
        for i, value in values.items():
            volumes[i] = value
        view = View(volumes, np.arange(5).astype(str), np.ones(5, bool))
        self.parameters = dict(
            {'batch_size': 2, 'split': 'last', 'test': 1}, **parameters
        )
        dataset = types.SimpleNamespace(examples=lambda on_volumes: view)
        self.output = io.StringIO()
        with (
            contextlib.redirect_stdout(self.output),
            contextlib.redirect_stderr(self.output),
        ):
            return examples.take_examples(
                dataset, EXPERIMENTS['cae3d'], self.parameters
            )

    def test_split(self):
        train, test = self.take({4: 0.5})
        self.assertEqual((len(train), len(test)), (4, 1))
        np.testing.assert_array_equal(test[:], 0.5)
        self.assertEqual(
            self.output.getvalue(),
            '4 training and 1 test volumes of 2 x 2 x 2, batch size 2\n',
        )

    def test_batch_size(self):
        self.take({}, batch_size=8)
        self.assertEqual(self.parameters['batch_size'], 4)
        self.assertIn('the batch size is reduced', self.output.getvalue())

    def test_each_process_checks_its_share(self):
        for rank, wrong in (0, 1), (1, 2):
            become_process(self, rank)
            with self.assertRaisesRegex(UserError, 'from 2 to 2'):
                self.take({wrong: 2})
            self.take({3 - wrong: 2})
