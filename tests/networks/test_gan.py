import unittest

from lasagne.layers import count_params, get_all_layers
from lasagne.nonlinearities import rectify, sigmoid

from kneerepro.networks import (
    build_dcgan,
    build_dcgan3d,
    build_wgan_gp,
    build_wgan_gp3d,
)
from kneerepro.networks.common import leaky_relu
from layers import BatchNormLayer
from tests.networks.test_cae import rows


def convolutions(network):
    return [row for row in rows(network) if row[1]]


def kinds(network):
    return [type(layer).__name__ for layer in get_all_layers(network)]


class DCGANTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.generator, cls.discriminator = build_dcgan()

    def test_table_2_3(self):
        self.assertEqual(
            kinds(self.generator),
            ['InputLayer', 'DenseLayer', 'ReshapeLayer']
            + 3
            * ['TransposedConv2DLayer', 'BatchNormLayer', 'NonlinearityLayer']
            + ['TransposedConv2DLayer'],
        )
        self.assertEqual(
            [
                layer.output_shape[1:]
                for layer in get_all_layers(self.generator)[:3]
            ],
            [(200,), (16384,), (1024, 4, 4)],
        )
        sizes = [(row[0], *row[1:4]) for row in convolutions(self.generator)]
        deconv = (4, 4), (2, 2), (1, 1)  # E3
        self.assertEqual(
            sizes,
            [
                ((512, 8, 8), *deconv),
                ((256, 16, 16), *deconv),
                ((128, 32, 32), *deconv),
                ((1, 64, 64), *deconv),
            ],
        )
        # E5: normalisation precedes the activation; the last layer has none.
        layers = get_all_layers(self.generator)
        self.assertEqual(
            [
                layer.nonlinearity
                for layer in layers
                if type(layer).__name__ == 'NonlinearityLayer'
            ],
            [rectify] * 3,
        )
        self.assertIs(layers[1].nonlinearity, rectify)  # E4
        self.assertIs(layers[-1].nonlinearity, sigmoid)
        self.assertEqual(
            [
                getattr(layer, 'b', None) is None
                for layer in layers
                if hasattr(layer, 'filter_size')
            ],
            [True, True, True, False],
        )

    def test_table_2_4(self):
        self.assertEqual(
            kinds(self.discriminator),
            ['InputLayer']
            + 4 * ['Conv2DLayer', 'BatchNormLayer', 'NonlinearityLayer']
            + ['FlattenLayer', 'DenseLayer'],
        )
        sizes = [
            (row[0], *row[1:4]) for row in convolutions(self.discriminator)
        ]
        conv = (5, 5), (2, 2), (2, 2)
        self.assertEqual(
            sizes,
            [
                ((128, 32, 32), *conv),
                ((256, 16, 16), *conv),
                ((512, 8, 8), *conv),
                ((1024, 4, 4), *conv),
            ],
        )
        layers = get_all_layers(self.discriminator)
        self.assertEqual(layers[0].output_shape, (None, 1, 64, 64))
        self.assertEqual(
            [
                layer.nonlinearity
                for layer in layers
                if type(layer).__name__ == 'NonlinearityLayer'
            ],
            [leaky_relu] * 4,
        )
        self.assertEqual(layers[-2].output_shape, (None, 16384))
        self.assertEqual(layers[-1].output_shape, (None, 1))  # E15
        self.assertIs(layers[-1].nonlinearity, sigmoid)

    def test_batch_norm_defaults(self):
        for network in (self.generator, self.discriminator):
            for layer in get_all_layers(network):
                if isinstance(layer, BatchNormLayer):
                    self.assertEqual(
                        (layer.axes, layer.epsilon, layer.alpha),
                        ((0, 2, 3), 1e-4, 0.1),
                    )

    def test_parameter_counts(self):
        self.assertEqual(
            count_params(self.generator, trainable=True), 14307073
        )
        self.assertEqual(
            count_params(self.discriminator, trainable=True), 17226625
        )

    def test_other_readings(self):
        generator, _ = build_dcgan(
            nz=100,
            width=1 / 64,
            filter_size=5,
            batch_norm_output=True,
            dense_nonlinearity=None,
        )
        self.assertEqual(
            [row[:4] for row in convolutions(generator)],  # E3
            [
                ((8, 8, 8), (5, 5), (2, 2), (2, 2)),
                ((4, 16, 16), (5, 5), (2, 2), (2, 2)),
                ((2, 32, 32), (5, 5), (2, 2), (2, 2)),
                ((1, 64, 64), (5, 5), (2, 2), (2, 2)),
            ],
        )
        layers = get_all_layers(generator)
        self.assertEqual(layers[0].shape, (None, 100))  # E14
        self.assertEqual(layers[1].nonlinearity(-3), -3)  # E4
        self.assertIsInstance(layers[-2], BatchNormLayer)  # E5
        self.assertIs(layers[-1].nonlinearity, sigmoid)

    def test_bad_arguments(self):
        for message, arguments in [
            ('filter_size must be 4 or 5', dict(filter_size=3)),
            ('nz must be a positive integer', dict(nz=0)),
            ('width must be positive', dict(width=0)),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                build_dcgan(**arguments)


class WGANGPTest(unittest.TestCase):
    def test_differs_from_dcgan_only_in_the_last_activation(self):
        pairs = zip(build_dcgan(width=1 / 16), build_wgan_gp(width=1 / 16))
        for (dcgan, wgan), last in zip(pairs, [True, False]):
            dcgan, wgan = rows(dcgan), rows(wgan)
            self.assertEqual(dcgan[:-1], wgan[:-1])
            self.assertEqual(dcgan[-1] == wgan[-1], last)
        self.assertEqual(wgan[-1][-1](-3), -3)

    def test_parameter_counts(self):
        generator, critic = build_wgan_gp()
        self.assertEqual(count_params(generator, trainable=True), 14307073)
        self.assertEqual(count_params(critic, trainable=True), 17226625)

    def test_critic_without_batch_norm(self):
        generator, critic = build_wgan_gp(
            width=1 / 16, critic_batch_norm=False
        )
        self.assertNotIn('BatchNormLayer', kinds(critic))
        self.assertIn('BatchNormLayer', kinds(generator))
        self.assertEqual(
            [row[-1] for row in convolutions(critic)], [leaky_relu] * 4
        )


class VolumesTest(unittest.TestCase):
    """Tables 2.3 and 2.4 with one dimension more (section 4.2)."""

    def assert_extended(self, images, volumes):
        """Layer for layer, only the number of dimensions differs."""
        self.assertEqual(len(rows(images)), len(rows(volumes)))
        for flat, deep in zip(rows(images), rows(volumes)):
            self.assertEqual(flat[-1], deep[-1])
            for sizes, sizes3 in zip(flat[1:-1], deep[1:-1]):
                self.assertEqual(sizes3, sizes and sizes + sizes[-1:])
            if len(flat[0]) == 3:
                channels, n, _ = flat[0]
                self.assertEqual(deep[0], (channels, 3 * n, n, 2 * n))

    def test_layers(self):
        sizes = dict(depth=3 * 64, rows=64, columns=2 * 64)
        for build, build3d in (
            (build_dcgan, build_dcgan3d),
            (build_wgan_gp, build_wgan_gp3d),
        ):
            for options in {}, dict(filter_size=5, batch_norm_output=True):
                pairs = zip(
                    build(nz=3, width=1 / 64, **options),
                    build3d(nz=3, width=1 / 64, **sizes, **options),
                )
                for images, volumes in pairs:
                    self.assert_extended(images, volumes)

    def test_parameter_counts(self):
        generator, discriminator = build_dcgan3d()
        self.assertEqual(
            [
                layer.output_shape[1:]
                for layer in get_all_layers(generator)[:3]
            ],
            [(200,), (163840,), (1024, 10, 4, 4)],
        )
        self.assertEqual(generator.output_shape, (None, 1, 160, 64, 64))
        self.assertEqual(discriminator.output_shape, (None, 1))
        self.assertEqual(count_params(generator, trainable=True), 76982017)
        self.assertEqual(count_params(discriminator, trainable=True), 86199681)

    def test_critic_without_batch_norm(self):
        sizes = dict(depth=16, rows=16, columns=16, width=1 / 64)
        generator, critic = build_wgan_gp3d(critic_batch_norm=False, **sizes)
        self.assertNotIn('BatchNormLayer', kinds(critic))
        self.assertIn('BatchNormLayer', kinds(generator))

    def test_bad_sizes(self):
        for build in build_dcgan3d, build_wgan_gp3d:
            with self.assertRaisesRegex(
                ValueError, 'depth must be a multiple'
            ):
                build(depth=100)
            with self.assertRaisesRegex(ValueError, 'rows must be a positive'):
                build(rows=0)
