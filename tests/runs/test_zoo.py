"""Tests of networks in files."""

import json
import zipfile

import numpy as np
import theano
from lasagne.layers import get_all_params, get_output

from kneerepro import config
from kneerepro.algorithms.common import input_layer, input_variable
from kneerepro.runs import archive, zoo
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest
from tests.modes import AS_WRITTEN

SHAPE = 16, 32, 16


def options(experiment, **changes):
    parameters = {
        **config.read_preset('thesis', experiment),
        'nz': 3,
        'width': 0.03,
        **changes,
    }
    return zoo.builder_options(experiment, parameters, SHAPE)


def saved(path, experiment, about=None, **changes):
    """Save networks with random parameters and return them.

    The parameters that are initialised with constants are random as well.
    """
    chosen = options(experiment, **changes)
    pair = zoo.build(experiment, chosen)
    rng = np.random.RandomState(1)
    for param in get_all_params(pair):
        shape = param.get_value().shape
        param.set_value(rng.uniform(0.1, 1, shape).astype('float32'))
    zoo.save(path, experiment, chosen, pair, about or {})
    return pair


def outputs(networks, seed=2):
    """Return what each network makes of random inputs."""
    rng = np.random.RandomState(seed)
    results = []
    for network in networks:
        x = input_variable(network, 'x')
        shape = (2,) + input_layer(network).shape[1:]
        function = theano.function(
            [x], get_output(network, x, deterministic=True), mode=AS_WRITTEN
        )
        results.append(function(rng.rand(*shape).astype('float32')))
    return results


class ZooTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.file = self.path('folder', 'model.npz')


class RoundTripTest(ZooTest):
    def assert_same(self, experiment, **changes):
        about = {'run': 'x', 'parameters': {'beta1': 0.1, 'channels': [1]}}
        pair = saved(self.file, experiment, about, **changes)
        model = zoo.load(self.file)
        self.assertEqual(model.experiment, experiment)
        self.assertEqual(model.options, options(experiment, **changes))
        self.assertEqual(model.about, about)
        for network, loaded in zip(pair, model.networks):
            params = get_all_params(network)
            self.assertEqual(
                [param.name for param in params],
                [param.name for param in get_all_params(loaded)],
            )
            for param, other in zip(params, get_all_params(loaded)):
                self.assertEqual(
                    param.get_value().tobytes(),
                    other.get_value().tobytes(),
                    param.name,
                )
            self.assertEqual(network.output_shape, loaded.output_shape)
        for expected, output in zip(outputs(pair), outputs(model.networks)):
            np.testing.assert_array_equal(output, expected)

    def test_cae2d(self):
        self.assert_same('cae2d')
        self.assertNotIn('depth', options('cae2d'))

    def test_cae3d(self):
        self.assert_same('cae3d')

    def test_other_readings_of_an_autoencoder(self):
        self.assert_same(
            'cae2d', channels=[128, 128, 64, 1], dense_nonlinearity='linear'
        )

    def test_dcgan(self):
        self.assert_same('dcgan')

    def test_wgan_gp(self):
        self.assert_same('wgan_gp')

    def test_other_readings_of_a_gan(self):
        self.assert_same(
            'wgan_gp',
            filter_size=5,
            batch_norm_output=True,
            critic_batch_norm=False,
            dense_nonlinearity='linear',
        )

    def test_options_matter(self):
        saved(self.file, 'dcgan', batch_norm_output=True)
        names = [
            param.name
            for param in get_all_params(zoo.load(self.file).networks[0])
        ]
        saved(self.file, 'dcgan')
        self.assertLess(
            len(get_all_params(zoo.load(self.file).networks[0])), len(names)
        )


class RefusedTest(ZooTest):
    def assert_refused(self, message):
        with self.assertRaisesRegex(UserError, message) as caught:
            zoo.load(self.file)
        self.assertIn(self.file, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))

    def change_meta(self, **changes):
        """Write the model again with other metadata."""
        values, meta = archive.load(self.file, 'model')
        meta.update(changes)
        archive.save(self.file, 'model', values, meta)

    def test_missing(self):
        self.assert_refused('No such file')

    def test_truncated(self):
        saved(self.file, 'cae2d')
        content = self.read('folder/model.npz')
        for length in 0, 1, len(content) // 2, len(content) - 1:
            self.write('folder/model.npz', content[:length])
            self.assert_refused('truncated or damaged')

    def test_damaged(self):
        saved(self.file, 'cae2d')
        content = bytearray(self.read('folder/model.npz'))
        content[len(content) // 2] ^= 1
        self.write('folder/model.npz', bytes(content))
        self.assert_refused('damaged')

    def test_foreign(self):
        self.write('folder/model.npz', 'a text')
        self.assert_refused('truncated or damaged')
        np.savez(self.file, W=np.zeros(3))
        self.assert_refused('is not a model file of this package')
        archive.save(self.file, 'checkpoint', {}, {})
        self.assert_refused(
            'is a checkpoint file, but a model file is required'
        )

    def test_other_version(self):
        saved(self.file, 'cae2d')
        values, meta = archive.load(self.file, 'model')
        with zipfile.ZipFile(self.file, 'w') as members:
            members.writestr(
                'meta.json',
                json.dumps(
                    {
                        'kind': 'model',
                        'version': 99,
                        'sha256': {},
                        'meta': meta,
                    }
                ),
            )
        self.assert_refused('format version 99')

    def test_other_networks(self):
        for changes in [
            {'experiment': 'vae'},
            {'options': {}},
            {'options': None},
            {'options': options('dcgan')},
            {'options': {**options('cae2d'), 'nz': 4}},
            {'options': {**options('cae2d'), 'rows': 17}},
            {'options': {**options('cae2d'), 'layers': 3}},
            {'options': {**options('cae2d'), 'dense_nonlinearity': 'swish'}},
            {'options': {**options('cae2d'), 'dense_nonlinearity': 1}},
        ]:
            saved(self.file, 'cae2d')
            self.change_meta(**changes)
            with self.subTest(changes), self.assertRaises(UserError):
                zoo.load(self.file)

    def test_incomplete(self):
        for name in 'experiment', 'options', 'about':
            saved(self.file, 'cae2d')
            values, meta = archive.load(self.file, 'model')
            del meta[name]
            archive.save(self.file, 'model', values, meta)
            self.assert_refused(f'does not fit.*{name}')
        saved(self.file, 'cae2d')
        values, meta = archive.load(self.file, 'model')
        del values['encoder.dense.b']
        archive.save(self.file, 'model', values, meta)
        self.assert_refused('does not fit.*encoder.dense.b')

    def test_options_without_networks(self):
        for changes in {'rows': 40}, {'nz': 0}:
            with self.assertRaisesRegex(
                UserError, 'cannot build the networks of cae2d: '
            ):
                zoo.build('cae2d', {**options('cae2d'), **changes})

    def test_cannot_be_written(self):
        self.write('folder', 'a file')
        with self.assertRaisesRegex(UserError, 'cannot write'):
            saved(self.file, 'cae2d')
