import unittest
from unittest import mock

from lasagne.layers import DenseLayer, InputLayer, get_all_params

from kneerepro import config
from kneerepro.registry import THESIS
from kneerepro.thesis.reproduction import (
    count_parameters,
    from_model,
    hyperparameter_row,
    reproduce,
    stated_values,
)
from kneerepro.thesis.tables import STATEMENTS, TABLES
from kneerepro.utils.errors import UserError
from tests.comparisons import cached_reproductions


class ReproduceTest(unittest.TestCase):
    def test_variant_of_all_experiments_or_of_one(self):
        reproductions = cached_reproductions(
            cae2d__nz='7', dense_nonlinearity='linear'
        )
        self.assertEqual(
            [r.networks[0].output_shape[1] for r in reproductions[:2]],
            [7, 200],
        )
        for reproduction in reproductions:
            self.assertEqual(
                reproduction.parameters['dense_nonlinearity'], 'linear'
            )

    def test_split(self):
        cae2d, cae3d, dcgan, _, dcgan3d, _ = cached_reproductions()
        self.assertEqual((cae2d.data.train, cae2d.data.test), (27800, 1000))
        self.assertEqual(cae2d.data.shared, ['patient 174'])
        self.assertEqual((cae3d.data.train, cae3d.data.test), (160, 20))
        self.assertEqual((dcgan.data.train, dcgan.data.test), (28800, 0))
        self.assertEqual((dcgan3d.data.train, dcgan3d.data.test), (180, 0))

    def test_networks_take_no_memory(self):
        (*_, network) = reproduce({})
        for param in get_all_params(network.networks):
            self.assertEqual(
                param.get_value(borrow=True).strides, (0,) * param.ndim
            )
        # Networks built afterwards have their values.
        self.assertTrue(DenseLayer((None, 3), 4).W.get_value().any())

    def test_refused(self):
        for variants, message in [
            ({'widht': '1'}, r'no parameter widht \(did you mean width'),
            ({'filter_size': '6'}, "filter_size: '6' is not one of 4, 5"),
            ({'cae2d.filter_size': '5'}, 'cae2d has no parameter filter_size'),
            ({'cae.nz': '5'}, 'no experiment is called cae '),
            ({'depth': '100'}, 'depth must be a multiple of 16'),
            ({'nz': '0'}, 'nz: 0 is not at least 1'),
        ]:
            with self.assertRaisesRegex(UserError, message):
                reproduce(variants)


class FromModelTest(unittest.TestCase):
    def test_values_of_the_run(self):
        (reproduction, *_) = cached_reproductions()
        data = {
            'volumes': 180,
            'shape': [160, 64, 64],
            'train': 27800,
            'test': 1000,
            'synthetic': True,
        }
        model = mock.Mock(
            experiment='cae2d',
            networks=reproduction.networks,
            about={
                'parameters': config.read_preset('thesis', 'cae2d'),
                'data': data,
            },
        )
        from_run = from_model(model, 'x')
        self.assertEqual(from_run.parameters, reproduction.parameters)
        self.assertIsNone(from_run.data.shared)
        self.assertEqual(stated_values(from_run), stated_values(reproduction))

    def test_model_without_a_record_of_its_training(self):
        for about in {}, {'parameters': {}, 'data': {}}, {'parameters': 1}:
            with self.assertRaisesRegex(UserError, 'x does not record how'):
                from_model(mock.Mock(experiment='cae2d', about=about), 'x')


class ValuesTest(unittest.TestCase):
    def test_every_statement_has_a_value(self):
        for reproduction in cached_reproductions()[: len(THESIS)]:
            values = stated_values(reproduction)
            for statement in STATEMENTS[reproduction.experiment]:
                self.assertIn(statement.key, values)

    def test_hyperparameters(self):
        rows = [
            hyperparameter_row(r)
            for r in cached_reproductions()[: len(THESIS)]
        ]
        self.assertEqual(list(rows[0]), list(TABLES['2.5'].columns))
        self.assertEqual(
            [tuple(row.values()) for row in rows],
            [
                ('2D autoencoder', '100', '128', '0.0001', '0.5')
                + ('0.999 (default)',),
                ('3D autoencoder', '200', '4', '5e-05', '0.5')
                + ('0.999 (default)',),
                ('DCGAN', '200', '128', '5e-05', '0.5', '0.9'),
                ('WGAN-GP', '200', '128', '5e-05', '0.5', '0.9'),
            ],
        )

    def test_count_parameters(self):
        network = DenseLayer(InputLayer((None, 3)), 4)
        self.assertEqual(count_parameters(network), 3 * 4 + 4)
        self.assertEqual(count_parameters(network, network), 2 * 16)
