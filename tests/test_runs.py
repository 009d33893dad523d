import csv
import os
from unittest import mock

import numpy as np
from lasagne.layers import DenseLayer, InputLayer

from kneerepro import runs
from kneerepro.errors import UserError
from tests.folders import FolderTest

SETTINGS = {'nz': 200, 'learning_rate': 5e-5, 'shape': (160, 64, 64),
            'shuffle': True, 'data': None, 'widths': [(1, 2), {'a': (3,)}]}
RESULTS = {'train_mse': np.array([0.5, 0.25, 0.125, 0.1]),
           'test_mse': np.array([0.6, 0.3, 0.2]),
           'iterations_per_epoch': np.array(2),
           'patients': np.array(['test 1', 'training 12']),
           'interrupted': np.array(False)}


class RunTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.run = self.path('runs', 'cae3d')
        self.network = DenseLayer(InputLayer((None, 3)), 2, name='dense')

    def save(self, settings=SETTINGS, results=RESULTS):
        runs.save(self.run, settings, results, [self.network])

    def assert_loads(self, settings=SETTINGS, results=RESULTS):
        loaded = runs.load(self.run, settings)
        self.assertEqual(set(loaded), set(results))
        for name, value in results.items():
            np.testing.assert_array_equal(loaded[name], value)
            self.assertEqual(loaded[name].dtype, value.dtype)

    def assert_not_finished(self, settings=SETTINGS):
        self.assertIsNone(runs.load(self.run, settings))


class RoundTripTest(RunTest):
    def test_results(self):
        self.assert_not_finished()
        self.save()
        self.assert_loads()
        self.assertEqual(sorted(os.listdir(self.run)),
                         ['losses.csv', 'parameters.npz', 'results.npz',
                          'settings.json'])

    def test_overwrites(self):
        self.save()
        results = dict(RESULTS, test_mse=np.array([1., 2, 3]))
        self.save(dict(SETTINGS, nz=100), results)
        self.assert_loads(dict(SETTINGS, nz=100), results)
        self.assert_not_finished()

    def test_parameters(self):
        self.save()
        with np.load(os.path.join(self.run, 'parameters.npz')) as file:
            saved = dict(file)
        self.assertEqual(set(saved), {'dense.W', 'dense.b'})
        np.testing.assert_array_equal(saved['dense.W'],
                                      self.network.W.get_value())

    def test_losses(self):
        self.save()
        with open(os.path.join(self.run, 'losses.csv'), newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([int(row['iteration']) for row in rows],
                         [0, 1, 2, 3, 4])
        self.assertEqual([row['train_mse'] for row in rows],
                         ['', '0.5', '0.25', '0.125', '0.1'])
        self.assertEqual([row['test_mse'] for row in rows],
                         ['0.6', '', '0.3', '', '0.2'])


class SettingsTest(RunTest):
    def test_other_settings(self):
        self.save()
        for change in [dict(nz=201), dict(learning_rate=5.1e-5),
                       dict(shape=(160, 64, 32)), dict(shuffle=False),
                       dict(data='x'), dict(more=1)]:
            self.assert_not_finished({**SETTINGS, **change})
        fewer = dict(SETTINGS)
        del fewer['data']
        self.assert_not_finished(fewer)
        self.assert_loads()


class DefectTest(RunTest):
    def test_spoilt_files(self):
        for name in ['settings.json', 'results.npz']:
            self.save()
            path = os.path.join('runs', 'cae3d', name)
            content = self.read(path)
            for spoilt in [b'', content[:1], content[:len(content) // 2],
                           content[:-1], b'\xff' * len(content),
                           content[:100] + b'\0' * 30 + content[130:]]:
                self.write(path, spoilt)
                self.assert_not_finished()
            os.remove(self.path(path))
            self.assert_not_finished()
            os.mkdir(self.path(path))
            self.assert_not_finished()
            os.rmdir(self.path(path))

    def test_folder_is_none(self):
        self.write('runs/cae3d', 'a file')
        self.assert_not_finished()
        with self.assertRaisesRegex(UserError, f'cannot write.*{self.run}'):
            self.save()

    def test_failure_while_saving(self):
        for i in range(4):
            self.save()
            calls = []

            def replace(*paths):
                calls.append(paths)
                if len(calls) > i:
                    raise OSError(28, 'full')
                return real(*paths)

            real = os.replace
            with mock.patch('os.replace', replace):
                with self.assertRaisesRegex(UserError, 'No space left'):
                    self.save(results=dict(RESULTS, test_mse=np.arange(3.)))
            self.assert_not_finished()
        self.save()
        self.assert_loads()

    def test_discard(self):
        runs.discard(self.run)
        self.save()
        runs.discard(self.run)
        self.assert_not_finished()
        self.assertTrue(os.path.exists(
            os.path.join(self.run, 'results.npz')))
