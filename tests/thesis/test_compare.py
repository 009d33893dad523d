import dataclasses
import unittest
from unittest import mock

import lasagne
from lasagne.nonlinearities import LeakyRectify, rectify, sigmoid, tanh

from kneerepro.networks import cae, gan
from kneerepro.registry import THESIS
from kneerepro.runs import zoo
from kneerepro.thesis import compare
from kneerepro.thesis.records import ERRATUM, MISMATCH
from layers import batch_norm
from tests.comparisons import (
    NO_INITIAL_VALUES,
    cached_reproductions,
    cells_with,
    default_report,
    report_of,
)


def setUpModule():
    # The default networks are built before a test changes the builders.
    default_report()


class DefaultTest(unittest.TestCase):
    def test_every_difference_has_its_erratum(self):
        report = default_report()
        self.assertEqual(report.problems, [])
        self.assertEqual(report.differences, {})
        self.assertEqual(cells_with(report, MISMATCH), [])

    def test_table_2_2(self):
        name = 'Table 2.2 (decoder of the 2D autoencoder)'
        rows = [
            row[1:]
            for row in cells_with(default_report(), ERRATUM)
            if row[0] == name
        ]
        self.assertEqual(
            rows,
            [
                ('row 2 Dense', 'Activ.', '-', 'ReLU', 'E4'),
                ('row 4 Deconv2D', 'Input', '256x1x8x8', '256x1x4x4', 'E1'),
                (
                    'row 4 Deconv2D',
                    'Output',
                    '128x1x16x16',
                    '256x1x8x8',
                    'E1 E2',
                ),
                (
                    'row 5 Deconv2D',
                    'Input',
                    '128x1x16x16',
                    '256x1x8x8',
                    'E1 E2',
                ),
                ('row 5 Deconv2D', 'Filter', '4x4x256', '4x4x128', 'E2'),
                (
                    'row 5 Deconv2D',
                    'Output',
                    '128x1x32x32',
                    '128x1x16x16',
                    'E1',
                ),
                (
                    'row 6 Deconv2D',
                    'Input',
                    '128x1x32x32',
                    '128x1x16x16',
                    'E1',
                ),
                ('row 6 Deconv2D', 'Filter', '4x4x128', '4x4x64', 'E2'),
                ('row 6 Deconv2D', 'Output', '64x1x64x64', '64x1x32x32', 'E1'),
                ('row 7 Deconv2D', 'Input', '64x1x64x64', '64x1x32x32', 'E1'),
            ],
        )

    def test_other_tables_and_the_text(self):
        rows = cells_with(default_report(), ERRATUM)
        found = {
            name: {row[2:] for row in rows if row[0] == name}
            for name in {row[0] for row in rows}
        }
        generator = {
            ('Output', '1x100', '1x200', 'E14'),
            ('Input', '1x100', '1x200', 'E14'),
            ('Activ.', '-', 'ReLU', 'E4'),
            *(
                ('Filter', f'5x5x{n}', f'4x4x{n}', 'E3')
                for n in (512, 256, 128, 1)
            ),
            ('Layer', 'Deconv2D*', 'Deconv2D', 'E5'),
        }
        generator_in_3d = {
            tuple(
                cell.replace('5x5', '5x5x5')
                .replace('4x4', '4x4x4')
                .replace('2D', '3D')
                for cell in row
            )
            for row in generator
        }
        last = {('Output', '1x100', '1x1', 'E15')}
        for name, expected in {
            'Table 2.1 in 3D (encoder of the 3D autoencoder)': {
                ('Filter', '1x1x100', '1x1x200', 'E14'),
                ('Output', '1x100', '1x200', 'E14'),
            },
            'Table 2.3 (generator of the DCGAN)': generator,
            'Table 2.3 (generator of the WGAN-GP)': generator,
            'Table 2.4 (discriminator of the DCGAN)': last,
            'Table 2.4 (critic of the WGAN-GP)': last,
            'Table 2.3 in 3D (generator of the 3D DCGAN)': generator_in_3d,
            'Table 2.3 in 3D (generator of the 3D WGAN-GP)': generator_in_3d,
            'Table 2.4 in 3D (discriminator of the 3D DCGAN)': last,
            'Table 2.4 in 3D (critic of the 3D WGAN-GP)': last,
            'the text (2D autoencoder)': {
                ('value', 'sigmoid', 'Leaky ReLU 0.2', 'E11'),
                ('value', '4096', '100', 'E11'),
                ('value', '100', '4096', 'E11'),
                ('value', '22500', '21700', 'E9'),
            },
            'the text (3D autoencoder)': {
                ('value', '128', '4', 'E13'),
                ('value', '10^-4', '5e-05', 'E13'),
                ('value', '22500', '20000', 'E9'),
            },
            'the text (DCGAN)': {('value', '4000', '4500', 'E9')},
        }.items():
            self.assertEqual(found.pop(name), expected, name)
        self.assertEqual(
            set(found),
            {
                'Table 2.2 (decoder of the 2D autoencoder)',
                'Table 2.2 in 3D (decoder of the 3D autoencoder)',
            },
        )

    def test_parameters(self):
        counts = {}
        for comparison in default_report().comparisons:
            if comparison.parameters:
                name = comparison.experiment
                counts[name] = counts.get(name, 0) + comparison.parameters
        both = 14307073 + 17226625
        self.assertEqual(
            counts,
            {
                'cae2d': 5193509,
                'cae3d': 36566153,
                'dcgan': both,
                'wgan_gp': both,
                'dcgan3d': 76982017 + 86199681,
                'wgan_gp3d': 76982017 + 86199681,
            },
        )

    def test_what_goes_beyond_has_only_the_tables_of_layers(self):
        places = {
            comparison.place
            for comparison in default_report().comparisons
            if comparison.experiment not in THESIS
        }
        self.assertEqual(len(places), 1 + 4)
        self.assertIn('Table 2.5', places)
        (in_2_5,) = (
            [row.label for row in comparison.rows]
            for comparison in default_report().comparisons
            if comparison.number == '2.5'
        )
        self.assertEqual(in_2_5, ['CAE 2D', 'CAE 3D', 'DCGAN 2D', 'WGAN 2D'])

    def test_dense_layers_in_3d(self):
        for comparison in default_report().comparisons:
            if comparison.experiment == 'dcgan3d':
                cells = [
                    (cell.printed, cell.built)
                    for row in comparison.rows
                    for cell in row.cells
                ]
                self.assertIn(('1x163840', '1x163840'), cells)
                self.assertIn(('1024x10x4x4', '1024x10x4x4'), cells)


class ChangedLayerTest(unittest.TestCase):
    """A change of a single layer is caught, and nothing else is."""

    def changed(self, experiment, module, class_name, layer, change):
        """Compare networks in which one layer is replaced.

        Parameters
        ----------
        change : callable
            Takes the class, the incoming layer and the other arguments;
            returns the replacement.
        """
        original = getattr(module, class_name)

        def replaced(incoming, *args, **kwargs):
            if kwargs.get('name') == layer:
                return change(original, incoming, *args, **kwargs)
            return original(incoming, *args, **kwargs)

        (original_reproduction,) = (
            reproduction
            for reproduction in cached_reproductions()
            if reproduction.experiment == experiment
        )
        options = zoo.builder_options(
            experiment,
            original_reproduction.parameters,
            original_reproduction.data.shape,
        )
        with (
            NO_INITIAL_VALUES,
            mock.patch.object(module, class_name, replaced),
        ):
            networks = zoo.build(experiment, options)
        return compare.compare(
            [dataclasses.replace(original_reproduction, networks=networks)],
            'x',
            default=False,
        )

    def assert_caught(self, expected, report):
        """Assert that `expected` are the cells that no erratum explains."""
        self.assertEqual(
            [row[1:5] for row in cells_with(report, MISMATCH)], expected
        )
        self.assertEqual(len(report.problems), len(expected))

    def with_arguments(self, experiment, module, class_name, layer, **changes):
        return self.changed(
            experiment,
            module,
            class_name,
            layer,
            lambda original, incoming, count, size, **kwargs: original(
                incoming,
                changes.pop('num_filters', count),
                changes.pop('filter_size', size),
                **{**kwargs, **changes},
            ),
        )

    def test_filter_size(self):
        report = self.with_arguments(
            'cae2d', cae, 'Conv2DLayer', 'encoder.conv2', filter_size=3, pad=1
        )
        self.assert_caught(
            [
                ('row 3 Conv2D', 'Filter', '5x5x128', '3x3x128'),
                ('row 3 Conv2D', 'Pad', '2', '1'),
            ],
            report,
        )

    def test_stride(self):
        report = self.with_arguments(
            'cae2d', cae, 'Conv2DLayer', 'encoder.conv4', stride=(2, 1)
        )
        self.assert_caught(
            [
                ('row 5 Conv2D', 'Stride', '2', '2x1'),
                ('row 5 Conv2D', 'Output', '256x1x4x4', '256x1x4x8'),
                ('row 6 Reshape', 'Input', '256x1x4x4', '256x1x4x8'),
                ('row 6 Reshape', 'Output', '1x4096', '1x8192'),
                ('row 7 Dense', 'Input', '1x4096', '1x8192'),
            ],
            dataclasses.replace(
                report,
                problems=report.problems[:5],
                comparisons=report.comparisons[:1],
            ),
        )

    def test_nonlinearity(self):
        for function, text in [
            (rectify, 'ReLU'),
            (None, '-'),
            (LeakyRectify(0.1), 'Leaky ReLU 0.1'),
            (tanh, 'tanh'),
            (sigmoid, 'sigmoid'),
        ]:
            report = self.with_arguments(
                'cae2d',
                cae,
                'Conv2DLayer',
                'encoder.conv1',
                nonlinearity=function,
            )
            self.assert_caught(
                [('row 2 Conv2D', 'Activ.', 'Leaky ReLU', text)], report
            )

    def test_number_of_filters_in_a_table_with_errata(self):
        # E2 allows this layer 64 or 128 filters, but not 100, and 128 only if
        # the layer before it has 256.
        for count in 100, 128:
            report = self.with_arguments(
                'cae2d',
                cae,
                'Deconv2DLayer',
                'decoder.deconv3',
                num_filters=count,
            )
            cells = [
                ('row 6 Deconv2D', 'Filter', '4x4x128', f'4x4x{count}'),
                ('row 6 Deconv2D', 'Output', '64x1x64x64', f'{count}x1x32x32'),
                ('row 7 Deconv2D', 'Input', '64x1x64x64', f'{count}x1x32x32'),
            ]
            self.assert_caught(cells[count == 128 :], report)

    def test_crop_in_a_table_with_errata(self):
        # E3 explains a crop of 2 only if all filters are 5x5.
        report = self.with_arguments(
            'dcgan',
            gan,
            'Deconv2DLayer',
            'generator.deconv2',
            filter_size=6,
            crop=2,
        )
        self.assert_caught(
            [
                ('row 5 Deconv2D*', 'Filter', '5x5x256', '6x6x256'),
                ('row 5 Deconv2D*', 'Crop', '1', '2'),
            ],
            report,
        )

    def test_missing_layer(self):
        def left_out(original, incoming, *args, **kwargs):
            return incoming

        report = self.changed(
            'dcgan', gan, 'Conv2DLayer', 'discriminator.conv1', left_out
        )
        rows = [row[1:5] for row in cells_with(report, MISMATCH)]
        # The layer's batch normalisation then follows the input.
        self.assertEqual(rows[0], ('row 1 Input', 'Layer', 'Input', 'Input*'))
        self.assertEqual(
            rows[1:8],
            [
                ('row 2 Conv2D*', column, printed, None)
                for column, printed in [
                    ('Layer', 'Conv2D*'),
                    ('Input', '1x1x64x64'),
                    ('Filter', '5x5x128'),
                    ('Stride', '2'),
                    ('Pad', '2'),
                    ('Activ.', 'L. ReLU'),
                    ('Output', '128x1x32x32'),
                ]
            ],
        )

    def test_extra_layer(self):
        report = self.changed(
            'cae2d',
            cae,
            'Conv2DLayer',
            'encoder.conv1',
            lambda original, incoming, *args, **kwargs: (
                lasagne.layers.DropoutLayer(
                    original(incoming, *args, **kwargs)
                )
            ),
        )
        self.assert_caught(
            [
                ('not printed', column, None, built)
                for column, built in [
                    ('Layer', 'DropoutLayer'),
                    ('Input', '64x1x32x32'),
                    ('Filter', '-'),
                    ('Stride', '-'),
                    ('Pad', '-'),
                    ('Activ.', '-'),
                    ('Output', '64x1x32x32'),
                ]
            ],
            report,
        )

    def test_batch_norm(self):
        # E5 explains a critic without any batch normalisation, but not one
        # with some of it.
        for experiment, left_out, rows in [
            ('dcgan', ['generator.deconv1'], ['row 4 Deconv2D*']),
            ('dcgan', ['discriminator.conv2'], ['row 3 Conv2D*']),
            (
                'dcgan',
                [f'discriminator.conv{i}' for i in range(1, 5)],
                [f'row {i} Conv2D*' for i in range(2, 6)],
            ),
            ('wgan_gp', ['critic.conv2'], ['row 3 Conv2D*']),
            ('wgan_gp', [f'critic.conv{i}' for i in range(1, 5)], []),
        ]:
            with mock.patch.object(
                gan,
                'batch_norm',
                lambda layer: (
                    layer if layer.name in left_out else batch_norm(layer)
                ),
            ):
                report = self.changed(experiment, gan, 'Conv2DLayer', '', None)
            self.assert_caught(
                [
                    (row, 'Layer', row.split()[-1], row.split()[-1][:-1])
                    for row in rows
                ],
                report,
            )

    def test_last_activation(self):
        report = self.changed(
            'wgan_gp',
            gan,
            'DenseLayer',
            'critic.dense',
            lambda original, incoming, *args, nonlinearity, **kwargs: original(
                incoming, *args, nonlinearity=sigmoid, **kwargs
            ),
        )
        self.assert_caught(
            [
                ('row 7 Dense', 'Activ.', 'sigmoid*', 'sigmoid'),
                (
                    "section 2.4.2: activation of the critic's last layer",
                    'value',
                    '-',
                    'sigmoid',
                ),
            ],
            report,
        )

    def test_three_dimensions(self):
        report = self.with_arguments(
            'cae3d',
            cae,
            'Conv3DLayer',
            'encoder.conv1',
            pad=(1, 2, 2),
            filter_size=(3, 5, 5),
        )
        self.assert_caught(
            [
                ('row 2 Conv3D', 'Filter', '5x5x5x64', '3x5x5x64'),
                ('row 2 Conv3D', 'Pad', '2', '1x2x2'),
            ],
            report,
        )


class VariantTest(unittest.TestCase):
    def test_readings_of_the_errata(self):
        before = len(cells_with(default_report(), ERRATUM))
        for change, variants in [
            # Sixteen filters match; sixteen crops no longer do.
            (0, {'filter_size': '5'}),
            # 2 + 2 + 8 cells of layers match; 3 of Table 2.5 no longer do.
            (3 - 12, {'nz': '100'}),
            # In two tables, 3 cells of the column Filter differ instead of 2.
            (2 * (3 - 2), {'channels': '128,128,64,1'}),
            (2 * (0 - 2), {'channels': '256,256,128,1'}),
            (-6, {'dense_nonlinearity': 'linear'}),
            (-4, {'batch_norm_output': 'yes'}),
            (8, {'critic_batch_norm': 'no'}),
            # Two cells differ in two tables; one of the text matches.
            (2 * 2 - 1, {'encoder_sigmoid': 'conv'}),
            (2, {'split': 'patient'}),
            (-1, {'cae2d__iterations': '22500'}),
            (-1, {'cae3d__iterations': '22500'}),
            # Table 2.5 and chapter 4 differ; the caption matches.
            (1, {'cae3d__batch_size': '128'}),
            (1 - 2, {'cae3d__learning_rate': '1e-4'}),
            (
                3 - 3,
                {'cae3d__batch_size': '128', 'cae3d__learning_rate': '1e-4'},
            ),
            (2, {'cae2d__learning_rate': '5e-5'}),
            (2, {'wgan_gp__learning_rate': '5e-4'}),
            (0, {'critic_steps': '5'}),
            (0, {'shuffle': 'no'}),
        ]:
            with self.subTest(variants):
                report = report_of(**variants)
                self.assertEqual(report.problems, [])
                self.assertEqual(
                    len(cells_with(report, ERRATUM)) - before, change
                )

    def test_own_departure(self):
        report = report_of(width='0.5')
        self.assertIn(
            'Table 2.1 (encoder of the 2D autoencoder), row 2 Conv2D, '
            'Filter: printed 5x5x64, built 5x5x32',
            report.problems,
        )
        self.assertEqual(report.differences, {'width': ('0.5', '1')})

    def test_mixture_of_readings(self):
        report = report_of(channels='256,256,64,1')
        self.assertNotEqual(report.problems, [])
