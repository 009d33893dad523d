import unittest

import numpy as np
from lasagne.layers import (
    DenseLayer,
    DropoutLayer,
    InputLayer,
    NonlinearityLayer,
    count_params,
    get_all_layers,
)
from lasagne.nonlinearities import LeakyRectify, rectify, tanh

from kneerepro.figures.architecture import (
    figure_2_3,
    figure_2_4,
    figure_2_5,
    stages_of,
)
from kneerepro.networks import (
    build_cae2d,
    build_cae3d,
    build_dcgan,
    build_wgan_gp,
)
from layers import Conv2DLayer, Conv3DLayer, Deconv2DLayer, batch_norm
from tests.figures.diagrams import edges, fronts, pixels, words


class TextTest(unittest.TestCase):
    def test_every_shape(self):
        for draw, pair in [
            (figure_2_3, build_cae2d(width=0.1, rows=32)),
            (figure_2_4, build_cae3d(width=0.1, depth=48)),
            (figure_2_5, build_dcgan(width=0.05)),
        ]:
            shown = words(draw(*pair))
            for network in pair:
                for layer in get_all_layers(network):
                    self.assertIn(
                        ' × '.join(map(str, layer.output_shape[1:])), shown
                    )

    def test_operations_of_autoencoders(self):
        shown = words(figure_2_3(*build_cae2d()))
        self.assertEqual(
            shown.count('conv 5×5\nstride 2, pad 2\nLeaky ReLU 0.2'), 4
        )
        for text, times in [('ReLU', 3), ('sigmoid', 1)]:
            self.assertEqual(
                shown.count(f'transposed\nconv 4×4\nstride 2, crop 1\n{text}'),
                times,
            )
        for text in (
            'flatten',
            'reshape',
            'dense 100\nsigmoid',
            'dense 4096\nReLU',
        ):
            self.assertEqual(shown.count(text), 1, text)

        shown = words(figure_2_4(*build_cae3d(width=0.03, depth=16)))
        self.assertEqual(
            shown.count('conv 5×5×5\nstride 2, pad 2\nLeaky ReLU 0.2'), 4
        )
        self.assertIn(
            'transposed\nconv 4×4×4\nstride 2, crop 1\nsigmoid', shown
        )

    def test_operations_of_gans(self):
        shown = words(figure_2_5(*build_dcgan(width=0.05)))
        self.assertEqual(
            shown.count(
                'transposed\nconv 4×4\nstride 2, crop 1\nbatch norm\nReLU'
            ),
            3,
        )
        self.assertEqual(
            shown.count(
                'conv 5×5\nstride 2, pad 2\nbatch norm\nLeaky ReLU 0.2'
            ),
            4,
        )
        for text in (
            'Generator',
            'Discriminator',
            'noise $z$',
            'dense 1\nsigmoid',
            'transposed\nconv 4×4\nstride 2, crop 1\nsigmoid',
        ):
            self.assertEqual(shown.count(text), 1, text)

        shown = words(
            figure_2_5(
                *build_wgan_gp(
                    width=0.05,
                    nz=77,
                    filter_size=5,
                    batch_norm_output=True,
                    critic_batch_norm=False,
                    dense_nonlinearity=None,
                )
            )
        )
        for text, times in [
            ('77', 1),
            ('dense 816\nlinear', 1),
            ('dense 1\nlinear', 1),
            ('Critic', 1),
            ('Discriminator', 0),
            ('conv 5×5\nstride 2, pad 2\nLeaky ReLU 0.2', 4),
            (
                'transposed\nconv 5×5\nstride 2, crop 2\noutput 8×8\n'
                'batch norm\nReLU',
                1,
            ),
            (
                'transposed\nconv 5×5\nstride 2, crop 2\noutput 64×64\n'
                'batch norm\nsigmoid',
                1,
            ),
        ]:
            self.assertEqual(shown.count(text), times, text)

    def test_numbers_of_parameters(self):
        pair = build_wgan_gp(width=0.1)
        first, second = (
            count_params(network, trainable=True) for network in pair
        )
        shown = words(figure_2_5(*pair))
        for text in (
            f'{first:,} trainable parameters',
            f'{second:,} trainable parameters',
            f'{first + second:,} trainable parameters in total',
        ):
            self.assertIn(text, shown)
        self.assertIn(
            '5,193,509 trainable parameters in total',
            words(figure_2_3(*build_cae2d())),
        )


class ScaleTest(unittest.TestCase):
    def test_images_have_one_scale(self):
        network = build_cae2d(width=0.25, rows=32, columns=64)
        figure = figure_2_3(*network)
        first = {}
        for output in network:
            for layer in get_all_layers(output):
                if len(layer.output_shape) != 4:
                    continue
                _, channels, rows, columns = layer.output_shape
                across, up = edges(figure, layer.name)
                away, _ = edges(figure, layer.name, 'side')
                for name, value in [
                    ('rows', up[1] / rows),
                    ('columns', away[0] / columns),
                    ('up', away[1] / columns),
                    ('channels', across[0] ** 2 / channels),
                ]:
                    self.assertAlmostEqual(
                        value / first.setdefault(name, value), 1, places=9
                    )
        self.assertAlmostEqual(
            np.hypot(first['columns'], first['up']), first['rows'] / 2
        )

    def test_volumes_have_one_scale(self):
        network = build_cae3d(width=0.25, depth=96, rows=32, columns=48)
        figure = figure_2_4(*network)
        scales = []
        for output in network:
            for layer in get_all_layers(output):
                if len(layer.output_shape) != 5:
                    continue
                _, channels, depth, rows, columns = layer.output_shape
                across, up = edges(figure, layer.name)
                away, _ = edges(figure, layer.name, 'side')
                scales += [
                    up[1] / rows,
                    across[0] / columns,
                    2 * np.hypot(*away) / depth,
                ]
                self.assertEqual(
                    len(fronts(figure, layer.name + ' ')),
                    round(channels**0.5),
                )
        np.testing.assert_allclose(scales, scales[0])

    def test_vectors_have_one_scale(self):
        figure = figure_2_3(*build_cae2d(nz=15, width=1))
        code, dense = (
            edges(figure, name)[1][1]
            for name in ('encoder.dense', 'encoder.reshape')
        )
        self.assertAlmostEqual(dense / code, np.log2(4097) / 4)

    def test_filters(self):
        """They are on the input of a convolution and on the output of a
        transposed one.
        """
        figure = figure_2_5(*build_dcgan(width=0.1, filter_size=5))
        for network, conv in [
            ('generator', 'deconv'),
            ('discriminator', 'conv'),
        ]:
            drawn = [
                patch.get_gid()
                for patch in figure.axes[0].patches
                if 'filter front' in patch.get_gid()
                and patch.get_gid().startswith(network)
            ]
            self.assertEqual(len(drawn), 4)
            covered = (
                ['deconv1', 'deconv2', 'deconv3', 'deconv4']
                if conv == 'deconv'
                else ['input', 'conv1', 'conv2', 'conv3']
            )
            for name in covered:
                name = f'{network}.{name}'
                self.assertIn(f'{name} filter front', drawn)
        rows = edges(figure, 'generator.deconv2')[1][1]
        part = edges(figure, 'generator.deconv2 filter')[1][1]
        self.assertAlmostEqual(part / rows, 5 / 16)


class ChangeTest(unittest.TestCase):
    def test_figures_differ(self):
        """A change of the network changes the boxes, not only the texts."""
        plain = figure_2_3(*build_cae2d(width=0.25))
        self.assertGreater(pixels(plain).std(), 10)
        np.testing.assert_array_equal(
            pixels(plain), pixels(figure_2_3(*build_cae2d(width=0.25)))
        )
        for change in {'width': 0.1}, {'nz': 20}, {'columns': 32}:
            other = figure_2_3(*build_cae2d(**{'width': 0.25, **change}))
            self.assertNotEqual(words(plain), words(other))
            self.assertNotEqual(
                [patch.get_xy().tolist() for patch in plain.axes[0].patches],
                [patch.get_xy().tolist() for patch in other.axes[0].patches],
            )

    def test_other_layers(self):
        network = InputLayer((None, 3, 20, 30))
        network = NonlinearityLayer(network, tanh)
        network = batch_norm(
            Conv2DLayer(
                network,
                6,
                (5, 3),
                stride=(2, 1),
                pad='same',
                num_groups=3,
                nonlinearity=None,
            )
        )
        network = Deconv2DLayer(
            network, 2, 3, crop='full', nonlinearity=LeakyRectify(0.01)
        )
        stages = stages_of(network)
        self.assertEqual(
            [stage.operation for stage in stages],
            [
                [],
                ['tanh'],
                [
                    'conv 5×3',
                    'stride 2×1, pad same',
                    '3 groups',
                    'batch norm',
                    'linear',
                ],
                [
                    'transposed',
                    'conv 3×3',
                    'stride 1, crop full',
                    'Leaky ReLU 0.01',
                ],
            ],
        )
        self.assertEqual(
            [stage.shape for stage in stages],
            [(3, 20, 30), (3, 20, 30), (6, 10, 30), (2, 8, 28)],
        )
        shown = words(
            figure_2_3(network, DenseLayer(InputLayer((None, 2)), 3))
        )
        self.assertIn(
            'conv 5×3\nstride 2×1, pad same\n3 groups\nbatch norm\nlinear',
            shown,
        )

    def test_networks_that_cannot_be_drawn(self):
        volume = InputLayer((None, 1, 4, 8, 8))
        conv = Conv3DLayer(volume, 2, 3, nonlinearity=rectify)
        cases = [
            (
                DropoutLayer(conv, name='drop'),
                'layer drop is a DropoutLayer, which cannot be drawn',
            ),
            (
                Conv2DLayer(InputLayer((None, 1, None, 8), name='any'), 1, 3),
                r'layer any: .*\(1, None, 8\)',
            ),
            (
                NonlinearityLayer(InputLayer((None, 3, 8), name='series')),
                'layer series: .*(3, 8)',
            ),
            (
                InputLayer((None, 3), name='alone'),
                'layer alone is only an input',
            ),
        ]
        for network, message in cases:
            with self.assertRaisesRegex(ValueError, message):
                figure_2_4(network, conv)
