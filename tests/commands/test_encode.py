"""Covers inputs.py, too, which all commands on models use."""

import csv
import os
import unittest
from importlib.util import find_spec
from unittest import mock

import numpy as np

from kneerepro.algorithms import compile_cae
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset, new_dataset
from kneerepro.data.prepare import Settings, prepare
from kneerepro.data.reading.identity import load_key
from kneerepro.phantom import write_patients
from kneerepro.runs import zoo
from tests.commands.common import PATIENTS, SHAPE, SIDES, CommandTest
from tests.modes import ON_ENGINE


class EncodeTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('out', 'codes.csv')

    def encode(self, model, data, *argv):
        return self.call('encode', model, data, '--out', self.out, *argv)

    def expected(self, model, data):
        """The codes of all examples at once, as the training computes them."""
        model = zoo.load(os.path.join(model, 'model.npz'))
        functions = compile_cae(*model.networks, mode=ON_ENGINE)
        with Dataset(data) as dataset:
            return functions.encode(
                dataset.volumes[:]
                if model.experiment == 'cae3d'
                else dataset.images[:]
            )

    def table(self):
        with open(self.out, newline='') as file:
            return list(csv.DictReader(file))

    def codes(self):
        return np.array(
            [[row[f'z{i}'] for i in range(1, 5)] for row in self.table()],
            'float32',
        )


class ContentTest(EncodeTest):
    def test_slices(self):
        model, data = self.finished_run('cae2d'), self.dataset()
        stdout, _ = self.encode(model, data)
        self.assertIn(f'wrote {self.out}: 48 latent vectors of 4', stdout)
        np.testing.assert_allclose(
            self.codes(), self.expected(model, data), rtol=1e-5
        )
        rows = self.table()
        self.assertEqual(
            list(rows[0]),
            ['volume', 'slice', 'patient', 'side', 'series']
            + ['z1', 'z2', 'z3', 'z4'],
        )
        self.assertEqual(
            [list(row.values())[:5] for row in rows],
            [
                [str(i), str(j), patient, side, '']
                for i, (patient, side) in enumerate(zip(PATIENTS, SIDES))
                for j in range(1, 17)
            ],
        )

    def test_volumes(self):
        model, data = self.finished_run('cae3d'), self.dataset()
        self.encode(os.path.join(model, 'model.npz'), data)
        np.testing.assert_allclose(
            self.codes(), self.expected(model, data), rtol=1e-5
        )
        rows = self.table()
        self.assertEqual(
            list(rows[0]),
            ['volume', 'patient', 'side', 'series', 'z1', 'z2', 'z3', 'z4'],
        )
        self.assertEqual([row['side'] for row in rows], SIDES)

    def test_series(self):
        known = [{'series': f'1.2.{i}'} for i in range(3)]
        self.encode(self.finished_run('cae3d'), self.dataset(known=known))
        self.assertEqual(
            [row['series'] for row in self.table()],
            ['1.2.0', '1.2.1', '1.2.2'],
        )

    @unittest.skipIf(find_spec('pyarrow') is None, 'no pyarrow')
    def test_parquet(self):
        from pyarrow.parquet import read_table

        model, data = self.finished_run('cae2d'), self.dataset()
        self.encode(model, data)
        codes, rows = self.codes(), self.table()
        self.out = self.path('codes.parquet')
        self.encode(model, data)
        table = read_table(self.out)
        self.assertEqual(table.column_names, list(rows[0]))
        self.assertEqual(
            table['patient'].to_pylist(), [row['patient'] for row in rows]
        )
        for i in range(4):
            np.testing.assert_array_equal(table[f'z{i + 1}'], codes[:, i])

    def test_npz(self):
        for experiment in 'cae2d', 'cae3d':
            model, data = self.finished_run(experiment), self.dataset()
            self.out = self.path('codes.csv')
            self.encode(model, data, '--overwrite')
            codes, rows = self.codes(), self.table()
            self.out = self.path('codes.npz')
            self.encode(model, data, '--overwrite')
            with np.load(self.out) as file:
                arrays = dict(file)
            self.assertEqual(arrays['codes'].dtype, 'float32')
            # The text of the table determines every bit.
            np.testing.assert_array_equal(arrays.pop('codes'), codes)
            self.assertEqual('slice' in arrays, experiment == 'cae2d')
            for name, column in arrays.items():
                self.assertEqual(
                    [str(value) for value in column],
                    [row[name] for row in rows],
                )

    def scale_code(self, folder, factor):
        """Scale the weights of a run's code layer, which has no sigmoid."""
        path = os.path.join(folder, 'model.npz')
        model = zoo.load(path)
        dense = model.networks[0]
        dense.W.set_value(np.float32(factor) * dense.W.get_value())
        zoo.save(
            path, model.experiment, model.options, model.networks, model.about
        )

    def test_warns_of_equal_codes(self):
        data = self.dataset()
        for experiment in 'cae2d', 'cae3d':
            for factor, warned in (1e5, False), (0, True):
                folder = self.finished_run(experiment, encoder_sigmoid='conv')
                self.scale_code(folder, factor)
                _, stderr = self.encode(folder, data, '--overwrite')
                self.assertEqual(
                    'learned nothing of its inputs' in stderr,
                    warned,
                    (experiment, stderr),
                )

    def test_warning_for_a_single_code(self):
        # The measure that the model recorded in its training decides.
        data = self.path('single.h5')
        with new_dataset(data, SHAPE) as writer:
            writer.append(np.random.RandomState(1).rand(*SHAPE), 'anna')
        folder = self.finished_run('cae3d')
        path = os.path.join(folder, 'model.npz')
        model = zoo.load(path)
        for measures, warned in [
            ({'code_spread': 1e-7}, True),
            ({'code_spread': 0.3}, False),
            ({}, False),
        ]:
            zoo.save(
                path,
                model.experiment,
                model.options,
                model.networks,
                {**model.about, 'measures': measures},
            )
            _, stderr = self.encode(folder, data, '--overwrite')
            self.assertEqual('learned nothing' in stderr, warned)

    def test_slices_of_another_depth(self):
        data = self.dataset((5, 16, 16))
        self.encode(self.finished_run('cae2d'), data)
        self.assertEqual(len(self.table()), 15)

    def test_folder_of_series(self):
        folder = self.path('knees')
        write_patients(folder, patients=2, matrix=32, slices=16)
        model = self.finished_run('cae3d', normalise='slice', flip_left=True)
        stdout, _ = self.encode(model, folder)
        self.assertIn('2 series converted', stdout)
        data = self.path('data.h5')
        prepare(
            [folder],
            data,
            Settings(
                key=load_key(),
                options=Options(
                    depth=16, size=16, normalise='slice', flip_left=True
                ),
            ),
        )
        np.testing.assert_allclose(
            self.codes(), self.expected(model, data), rtol=1e-5
        )
        with Dataset(data) as dataset:
            self.assertEqual(
                [row['patient'] for row in self.table()], list(dataset.patient)
            )
        # The table is the only file.
        self.assertEqual(os.listdir(self.path('out')), ['codes.csv'])

    def test_resumes_the_preparation(self):
        write_patients(self.path('knees'), patients=2, matrix=16, slices=16)
        arguments = (
            'encode',
            self.finished_run('cae2d'),
            self.path('knees'),
            '--out',
            self.out,
        )
        with mock.patch(
            'kneerepro.data.report.Report.write',
            side_effect=KeyboardInterrupt,
        ):
            stdout, _ = self.call(*arguments, status=130)
        self.assertIn('converting', stdout)
        self.assertEqual(os.listdir(self.path('out')), ['codes.csv.partial'])
        # As after kill -9 while it encodes.
        with mock.patch('kneerepro.commands.inputs.os.remove'):
            stdout, _ = self.call(*arguments)
        self.assertNotIn('converting', stdout)
        self.assertIn(
            'volumes.h5', os.listdir(self.path('out', 'codes.csv.partial'))
        )
        stdout, _ = self.call(*arguments, '--overwrite')
        self.assertNotIn('reading headers', stdout)
        self.assertEqual(len(self.table()), 32)
        self.assertEqual(os.listdir(self.path('out')), ['codes.csv'])

    def test_warns_of_scaling_by_the_dataset(self):
        write_patients(self.path('knees'), patients=1, matrix=16, slices=16)
        model = self.finished_run('cae2d', normalise='dataset')
        _, stderr = self.encode(model, self.path('knees'))
        self.assertIn('warning: these volumes are scaled by their own', stderr)

    def test_recorded_options_of_the_dataset_count(self):
        # The parameters do not apply to a dataset that the user supplied.
        model = self.finished_run(
            'cae2d',
            normalise='volume',
            options={
                'depth': 16,
                'size': 16,
                'normalise': 'slice',
                'flip_left': True,
            },
        )
        self.encode(model, self.dataset(normalise='slice', flip_left=True))
        self.assertEqual(len(self.table()), 48)
        model = self.finished_run('cae2d', options={})
        self.encode(model, self.dataset(normalise='slice'), '--overwrite')

    def test_accepts_the_dataset_of_the_training(self):
        data = self.dataset(normalise='slice')
        with Dataset(data) as dataset:
            digest = dataset.hash
        run = self.finished_run('cae2d')
        model = zoo.load(os.path.join(run, 'model.npz'))
        model.about['data']['hash'] = digest
        zoo.save(
            os.path.join(run, 'model.npz'),
            model.experiment,
            model.options,
            model.networks,
            model.about,
        )
        self.encode(run, data)


class RefusedTest(EncodeTest):
    def refused(self, message, model, data):
        self.assert_refused(message, 'encode', model, data, '--out', self.out)
        self.assertFalse(os.path.exists(self.path('out')))

    def test_gan(self):
        for name in 'dcgan', 'wgan_gp':
            self.refused(
                f'is a model of {name}, but this command takes one of '
                'cae2d, cae3d: use generate instead',
                self.finished_run(name),
                self.dataset(),
            )

    def test_models(self):
        data = self.dataset()
        self.refused('No such file', self.path('nowhere'), data)
        self.refused('is not a run', self.folder, data)
        self.refused('truncated or damaged', self.write('a', 'text'), data)
        self.refused('truncated or damaged', data, data)
        run = self.finished_run('cae2d')
        self.refused(
            'is a results file, but a model file is required',
            os.path.join(run, 'results.npz'),
            data,
        )
        os.remove(os.path.join(run, 'model.npz'))
        self.refused('has lost its model.npz', run, data)
        run = self.new_run('cae2d').folder
        self.refused(
            f'{run} is not finished; to resume: python '
            'experiments/cae2d.py --resume',
            run,
            data,
        )

    def test_data(self):
        model = self.finished_run('cae3d')
        self.refused('nowhere does not exist', model, self.path('nowhere'))
        os.mkdir(self.path('empty'))
        self.refused('0 usable series', model, self.path('empty'))
        self.refused(
            'is not a dataset of this package', model, self.write('a', 'text')
        )
        data = self.dataset()
        self.write('knees.h5', self.read('knees.h5')[:-1] + b'\1')
        self.refused('is damaged', model, data)

    def test_size(self):
        data = self.dataset((16, 32, 32))
        self.refused(
            'slices of 32 x 32, but the model takes 16 x 16: prepare it '
            'again with python data/prepare.py --size 16',
            self.finished_run('cae2d'),
            data,
        )
        self.refused(
            'volumes of 32 x 16 x 16, but the model takes 16 x 16 x 16: '
            '.*--depth 16 --size 16',
            self.finished_run('cae3d'),
            self.dataset((32, 16, 16)),
        )

    def test_treatment(self):
        model = self.finished_run('cae2d', flip_left=True)
        self.refused(
            'prepared with --normalise slice, but the training data with '
            '--normalise volume',
            model,
            self.dataset(normalise='slice'),
        )
        self.refused(
            'left knees are not mirrored in .*py, with --flip-left',
            model,
            self.dataset(flip_left=False),
        )
        self.refused(
            'left knees are mirrored in .*py, without --flip-left',
            self.finished_run('cae2d'),
            self.dataset(flip_left=True),
        )

    def test_model_without_a_record_of_its_data(self):
        options = zoo.builder_options(
            'cae2d', self.new_run('cae2d').parameters, (16, 16, 16)
        )
        path = self.path('model.npz')
        for about in {}, None, {'data': {'shape': []}}:
            zoo.save(
                path, 'cae2d', options, zoo.build('cae2d', options), about
            )
            self.refused('does not record', path, self.folder)
        self.encode(path, self.dataset(normalise='slice'))

    def test_values(self):
        data = self.dataset()
        with Dataset(data) as dataset:
            values = 2 * dataset.volumes[0][0]
        with new_dataset(data, (16, 16, 16)) as writer:
            writer.append(values, 'x')
        self.refused(
            r'values in \[0, 1\] are required',
            self.finished_run('cae2d'),
            data,
        )

    def test_outputs(self):
        model, data = self.finished_run('cae2d'), self.dataset()
        for name in 'codes.txt', 'codes', 'codes.npy':
            self.out = self.path('out', name)
            self.refused(r'the extension must be \.csv or \.npz', model, data)
        self.out = self.path('out', 'codes.parquet')
        with mock.patch('importlib.util.find_spec', return_value=None):
            self.refused('needs pyarrow, which is not installed', model, data)
        self.out = self.write('old.csv', 'old')
        self.refused('already exists.*--overwrite', model, data)
        self.assertEqual(self.read('old.csv'), b'old')
        self.encode(model, data, '--overwrite')
        self.assertEqual(len(self.table()), 48)
        self.out = self.path('old.csv', 'codes.csv')
        self.refused('cannot write.*old.csv is not a folder', model, data)
        self.out = self.path('folder.csv')
        os.mkdir(self.out)
        self.assert_refused(
            'it is a folder',
            'encode',
            model,
            data,
            '--out',
            self.out,
            '--overwrite',
        )
