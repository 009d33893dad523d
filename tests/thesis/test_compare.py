import unittest
from unittest import mock

import lasagne
from lasagne.nonlinearities import LeakyRectify, rectify, sigmoid, tanh

from kneerepro.networks import cae, gan
from kneerepro.runs import zoo
from kneerepro.thesis import compare, errata
from kneerepro.thesis.reproduction import build, of_model
from kneerepro.utils.errors import UserError
from layers import batch_norm
from tests.comparisons import (
    NO_VALUES,
    default,
    differing,
    quickly_built,
    reading,
)


def setUpModule():
    # Before any test changes what is built.
    default()


class DefaultTest(unittest.TestCase):
    def test_every_difference_has_its_erratum(self):
        report = default()
        self.assertEqual(report.problems, [])
        self.assertEqual(report.differences, {})
        self.assertEqual(differing(report, compare.MISMATCH), [])

    def test_table_2_2(self):
        name = 'Table 2.2 (decoder of the 2D autoencoder)'
        rows = [
            row[1:]
            for row in differing(default(), compare.ERRATUM)
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

    def test_the_rest(self):
        rows = differing(default(), compare.ERRATUM)
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
        for comparison in default().comparisons:
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
            },
        )

    def test_status_of_errata(self):
        status = default().errata
        self.assertEqual(list(status), list(errata.ERRATA))
        for name, text in {
            'E1': '7 cells of Table 2.2; 7 cells of Table 2.2 in 3D',
            'E3': '8 cells of Table 2.3; filter_size = 4; as printed, 4, '
            '9, 19, 39, 79',
            'E6': "not a table's cell",
            'E9': '3 cells of the text; iterations = none; 22500 = 100 x '
            '28800 / 128, 22500 = 500 x 180 / 4',
            'E10': 'no cell differs; split = last; on both sides: patient 174',
            'E17': "not a table's cell; normalise = volume",
        }.items():
            self.assertEqual(status[name], text)


class ChangedLayerTest(unittest.TestCase):
    """One layer is built otherwise, and nothing else."""

    def changed(self, builder, module, class_name, layer, change):
        """Compare networks of which a layer is replaced.

        Parameters
        ----------
        change : callable
            Of the class, the incoming layer and its arguments.
        """
        original = getattr(module, class_name)

        def replaced(incoming, *args, **kwargs):
            if kwargs.get('name') == layer:
                return change(original, incoming, *args, **kwargs)
            return original(incoming, *args, **kwargs)

        (built,) = (
            built for built in quickly_built() if built.experiment == builder
        )
        with NO_VALUES, mock.patch.object(module, class_name, replaced):
            pair = zoo.build(
                builder,
                zoo.builder_options(
                    builder, built.parameters, built.data['shape']
                ),
            )
        return compare.compare(
            [built._replace(networks=pair)], 'x', default=False
        )

    def assert_caught(self, expected, report):
        """`expected` are the cells that no erratum explains."""
        self.assertEqual(
            [row[1:5] for row in differing(report, compare.MISMATCH)], expected
        )
        self.assertEqual(len(report.problems), len(expected))

    def with_arguments(self, builder, module, class_name, layer, **changes):
        return self.changed(
            builder,
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
            report._replace(
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
        # E2 has 64 and 128 for this layer, but not 100; and 128 only
        # together with 256 before it.
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
        # A crop of 2 is E3's only where all filters are 5x5.
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
        rows = [row[1:5] for row in differing(report, compare.MISMATCH)]
        # Its batch normalisation then follows the input.
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
        # E5 knows a critic without any, and nothing between.
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


class StaleTest(unittest.TestCase):
    def problems(self, builts=None, **changes):
        """Of a list of errata of which some are changed."""
        changed = {
            **errata.ERRATA,
            **{
                name: errata.ERRATA[name]._replace(**change)
                for name, change in changes.items()
            },
        }
        with mock.patch.object(errata, 'ERRATA', changed):
            return compare.compare(builts or quickly_built()).problems

    def test_explains_nothing(self):
        correction = errata.ERRATA['E15'].default
        self.assertEqual(
            self.problems(
                E12=dict(default=(correction[0]._replace(values={6: '7'}),))
            ),
            [
                'E12 no longer applies ('
                + errata.ERRATA['E12'].thesis
                + '): it explains no cell'
            ],
        )
        problems = self.problems(
            E15=dict(default=(correction[0]._replace(values={6: '2'}),))
        )
        self.assertEqual(
            problems[:2],
            [
                f'Table 2.4 ({name}), row 7 Dense, Output: printed 1x100, built '
                '1x1'
                for name in (
                    'discriminator of the DCGAN',
                    'critic of the WGAN-GP',
                )
            ],
        )
        self.assertEqual(len(problems), 3)
        self.assertIn('E15 no longer applies', problems[2])

    def test_as_soon_as_the_layers_are_as_printed(self):
        builts = quickly_built(dense_nonlinearity='linear')
        problems = self.problems(builts)
        self.assertEqual(
            [text.split(' (')[0] for text in problems],
            ['E4 no longer applies'] * 5,
        )
        self.assertEqual(compare.compare(builts, default=False).problems, [])

    def test_other_parameter(self):
        for name, parameter, text, count in [
            ('E17', 'normalise', 'slice', 4),
            ('E20', 'shuffle', 'no', 4),
            ('E8', 'critic_steps', '5', 1),
            ('E18', 'flip_left', 'yes', 4),
        ]:
            problems = self.problems(
                **{name: dict(parameters={parameter: text})}
            )
            self.assertEqual(len(problems), count)
            self.assertRegex(
                problems[0], f'{name} no longer applies.*: {parameter} of '
            )

    def test_computed(self):
        builts = list(quickly_built())
        # 27,840 images are 174 whole patients.
        builts[0] = builts[0]._replace(data={**builts[0].data, 'shared': []})
        self.assertRegex(
            self.problems(builts)[0],
            'E10 no longer applies.*: on both sides: nobody',
        )
        with mock.patch.object(
            compare, 'conv_input_length', lambda n, *args: 2 * n
        ):
            self.assertRegex(self.problems()[0], 'E3 no longer applies')
        builts = list(quickly_built())
        builts[1] = builts[1]._replace(
            parameters={**builts[1].parameters, 'epochs': 400}
        )
        self.assertIn('E9 no longer applies', self.problems(builts)[-1])


class VariantTest(unittest.TestCase):
    def test_readings_of_the_errata(self):
        before = len(differing(default(), compare.ERRATUM))
        for change, variants in [
            # Eight filters match, eight crops no longer do.
            (0, {'filter_size': '5'}),
            # 2 + 2 + 4 of the layers match, three of Table 2.5 do not.
            (3 - 8, {'nz': '100'}),
            # Three of the column Filter, none of Output, in two tables.
            (2 * (3 - 2), {'channels': '128,128,64,1'}),
            (2 * (0 - 2), {'channels': '256,256,128,1'}),
            (-4, {'dense_nonlinearity': 'linear'}),
            (-2, {'batch_norm_output': 'yes'}),
            (4, {'critic_batch_norm': 'no'}),
            # Two in two tables, and the text matches.
            (2 * 2 - 1, {'encoder_sigmoid': 'conv'}),
            (2, {'split': 'patient'}),
            (-1, {'cae2d__iterations': '22500'}),
            (-1, {'cae3d__iterations': '22500'}),
            # Table 2.5 and chapter 4, but not the caption.
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
                report = reading(**variants)
                self.assertEqual(report.problems, [])
                self.assertEqual(
                    len(differing(report, compare.ERRATUM)) - before, change
                )

    def test_own_departure(self):
        report = reading(width='0.5')
        self.assertIn(
            'Table 2.1 (encoder of the 2D autoencoder), row 2 Conv2D, '
            'Filter: printed 5x5x64, built 5x5x32',
            report.problems,
        )
        self.assertEqual(report.differences, {'width': ('0.5', '1')})

    def test_mixture_of_readings(self):
        report = reading(channels='256,256,64,1')
        self.assertNotEqual(report.problems, [])

    def test_refused(self):
        for variants, message in [
            ({'widht': '1'}, r'no parameter widht \(did you mean width'),
            ({'filter_size': '6'}, "filter_size: '6' is not one of 4, 5"),
            ({'cae2d.filter_size': '5'}, 'cae2d has no filter_size'),
            ({'cae.nz': '5'}, 'no experiment is called cae '),
            ({'depth': '100'}, 'depth must be a multiple of 16'),
            ({'nz': '0'}, 'nz: 0 is not at least 1'),
        ]:
            with self.assertRaisesRegex(UserError, message):
                build(variants)


class OfModelTest(unittest.TestCase):
    def test_silent(self):
        for about in {}, {'parameters': {}, 'data': {}}, {'parameters': 1}:
            with self.assertRaisesRegex(UserError, 'x does not tell how'):
                of_model(mock.Mock(experiment='cae2d', about=about), 'x')
