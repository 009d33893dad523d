import math
import unittest

import numpy as np
from lasagne.layers import count_params, get_all_layers, get_all_params
from lasagne.nonlinearities import rectify, sigmoid

from kneerepro.networks import build_cae2d, build_cae3d, output_bias_for
from kneerepro.networks.common import leaky_relu


def rows(network):
    """List what the thesis's tables say of each layer: output shape, filter
    size, stride, pad or crop, and activation.
    """
    return [
        (
            layer.output_shape[1:],
            getattr(layer, 'filter_size', None),
            getattr(layer, 'stride', None),
            getattr(layer, 'pad', getattr(layer, 'crop', None)),
            getattr(layer, 'nonlinearity', None),
        )
        for layer in get_all_layers(network)
    ]


class CAE2DTest(unittest.TestCase):
    def test_table_2_1(self):
        encoder, _ = build_cae2d()
        conv = (5, 5), (2, 2), (2, 2), leaky_relu
        self.assertEqual(
            rows(encoder),
            [
                ((1, 64, 64), None, None, None, None),
                ((64, 32, 32), *conv),
                ((128, 16, 16), *conv),
                ((256, 8, 8), *conv),
                ((256, 4, 4), *conv),
                ((4096,), None, None, None, None),
                ((100,), None, None, None, sigmoid),
            ],
        )
        self.assertEqual(leaky_relu.leakiness, 0.2)

    def test_table_2_2(self):
        _, decoder = build_cae2d()
        deconv = (4, 4), (2, 2), (1, 1)
        self.assertEqual(
            rows(decoder),
            [
                ((100,), None, None, None, None),
                ((4096,), None, None, None, rectify),
                ((256, 4, 4), None, None, None, None),
                ((256, 8, 8), *deconv, rectify),
                ((128, 16, 16), *deconv, rectify),
                ((64, 32, 32), *deconv, rectify),
                ((1, 64, 64), *deconv, sigmoid),
            ],
        )

    def test_lasagnes_initialisation(self):
        networks = build_cae2d()
        flips = [
            layer.flip_filters
            for layer in get_all_layers(networks)
            if hasattr(layer, 'flip_filters')
        ]
        self.assertEqual(flips, [True] * 4 + [False] * 4)
        for param in get_all_params(networks):
            if param.name.endswith('.b'):
                self.assertFalse(param.get_value().any())
        # Glorot's limit is sqrt(6 / (fan in + fan out)). This layer has 5x5
        # filters from 64 to 128 channels.
        W = get_all_layers(networks[0])[2].W.get_value()
        limit = (6 / ((64 + 128) * 25)) ** 0.5
        self.assertLessEqual(abs(W).max(), limit)
        self.assertGreater(abs(W).max(), 0.99 * limit)

    def test_output_bias(self):
        for build in build_cae2d, build_cae3d:
            networks = build(width=0.02, output_bias=-2.5)
            *others, last = [
                param.get_value()
                for param in get_all_params(networks)
                if param.name.endswith('.b')
            ]
            self.assertEqual(last, -2.5)
            for values in others:
                self.assertFalse(values.any())
            for wrong in float('nan'), float('inf'):
                with self.assertRaisesRegex(ValueError, 'output_bias'):
                    build(output_bias=wrong)

    def test_output_bias_for(self):
        for mean in 0.11, 0.5, 0.97:
            bias = output_bias_for(mean)
            self.assertAlmostEqual(1 / (1 + math.exp(-bias)), mean)
        self.assertEqual(output_bias_for(0), output_bias_for(0.001))
        self.assertEqual(output_bias_for(1), output_bias_for(0.999))
        for wrong in -0.1, 1.1, float('nan'):
            with self.assertRaisesRegex(ValueError, 'mean_intensity'):
                output_bias_for(wrong)

    def test_parameter_count_and_names(self):
        self.assertEqual(count_params(build_cae2d(), trainable=True), 5193509)
        names = [p.name for p in get_all_params(build_cae2d())]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(names[0], 'encoder.conv1.W')

    def test_other_readings(self):
        for channels in [(128, 128, 64, 1), (256, 256, 128, 1)]:  # E2
            _, decoder = build_cae2d(channels=channels)
            self.assertEqual(
                [shape[0] for shape, filters, *_ in rows(decoder) if filters],
                list(channels),
            )
        _, decoder = build_cae2d(dense_nonlinearity=None)  # E4
        self.assertEqual(get_all_layers(decoder)[1].nonlinearity(-3), -3)

    def test_width(self):
        encoder, decoder = build_cae2d(width=1 / 8)
        self.assertEqual(
            [shape[0] for shape, *_ in rows(encoder)],
            [1, 8, 16, 32, 32, 512, 100],
        )
        self.assertEqual(
            [shape[0] for shape, *_ in rows(decoder)],
            [100, 512, 32, 32, 16, 8, 1],
        )
        encoder, _ = build_cae2d(width=1e-9)
        self.assertEqual(rows(encoder)[1][0], (1, 32, 32))

    def test_integers_of_numpy(self):
        encoder, decoder = build_cae2d(
            nz=np.int64(7), rows=np.uint8(16), columns=np.int32(16), width=0.02
        )
        self.assertEqual(encoder.output_shape, (None, 7))
        self.assertEqual(decoder.output_shape, (None, 1, 16, 16))

    def test_bad_arguments(self):
        for message, arguments in [
            (
                'rows must be a multiple of 16, not 60: .* 48 or 64',
                dict(rows=60),
            ),
            (
                'columns must be a multiple of 16, not 8: .* works: 16',
                dict(columns=8),
            ),
            ('rows must be a positive integer, not 0', dict(rows=0)),
            ('nz must be a positive integer, not 1.5', dict(nz=1.5)),
            ('nz must be a positive integer, not 2.0', dict(nz=2.0)),
            ('nz must be a positive integer, not nan', dict(nz=np.nan)),
            ('nz must be a positive integer, not inf', dict(nz=np.inf)),
            ('rows must be a positive integer, not 64.0', dict(rows=64.0)),
            ('width must be positive', dict(width=-1)),
            ('width must be positive and finite', dict(width=np.inf)),
            ('width must be positive and finite', dict(width=np.nan)),
            (
                'channels must be four filter counts',
                dict(channels=(256, 128, 64)),
            ),
            ('the last of them 1', dict(channels=(256, 128, 64, 3))),
        ]:
            with (
                self.subTest(message),
                self.assertRaisesRegex(ValueError, message),
            ):
                build_cae2d(**arguments)


class CAE3DTest(unittest.TestCase):
    def test_layout(self):
        encoder, decoder = build_cae3d()
        conv = (5, 5, 5), (2, 2, 2), (2, 2, 2), leaky_relu
        deconv = (4, 4, 4), (2, 2, 2), (1, 1, 1)
        none = None, None, None
        self.assertEqual(
            rows(encoder),
            [
                ((1, 160, 64, 64), *none, None),
                ((64, 80, 32, 32), *conv),
                ((128, 40, 16, 16), *conv),
                ((256, 20, 8, 8), *conv),
                ((256, 10, 4, 4), *conv),
                ((40960,), *none, None),
                ((200,), *none, sigmoid),
            ],
        )
        self.assertEqual(
            rows(decoder),
            [
                ((200,), *none, None),
                ((40960,), *none, rectify),
                ((256, 10, 4, 4), *none, None),
                ((256, 20, 8, 8), *deconv, rectify),
                ((128, 40, 16, 16), *deconv, rectify),
                ((64, 80, 32, 32), *deconv, rectify),
                ((1, 160, 64, 64), *deconv, sigmoid),
            ],
        )
        self.assertEqual(
            count_params([encoder, decoder], trainable=True), 36566153
        )

    def test_other_sizes(self):
        _, decoder = build_cae3d(10, 48, 32, 16, width=1 / 16)
        self.assertEqual(decoder.output_shape, (None, 1, 48, 32, 16))
        with self.assertRaisesRegex(
            ValueError,
            'depth must be a multiple of 16, not 155: .* 144 or 160',
        ):
            build_cae3d(depth=155)
