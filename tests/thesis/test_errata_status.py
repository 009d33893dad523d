import dataclasses
import unittest
from unittest import mock

from kneerepro.thesis import compare, errata, errata_status
from tests.comparisons import cached_reproductions, default_report


class StatusTest(unittest.TestCase):
    def test_where_errata_apply(self):
        status = default_report().errata
        self.assertEqual(list(status), list(errata.ERRATA))
        for name, text in {
            'E1': '7 cells of Table 2.2; 7 cells of Table 2.2 in 3D',
            'E3': '8 cells of Table 2.3; 8 cells of Table 2.3 in 3D; '
            'filter_size = 4; as printed, 4, 9, 19, 39, 79',
            'E6': 'concerns no table cell',
            'E9': '3 cells of the text; iterations = none; 22500 = 100 x '
            '28800 / 128, 22500 = 500 x 180 / 4',
            'E10': 'no cell differs; split = last; on both sides: patient 174',
            'E17': 'concerns no table cell; normalise = volume',
        }.items():
            self.assertEqual(status[name], text)


class StaleTest(unittest.TestCase):
    def problems(self, reproductions=None, **changes):
        """Compare with some errata changed, and return the problems."""
        changed = {
            **errata.ERRATA,
            **{
                name: dataclasses.replace(errata.ERRATA[name], **change)
                for name, change in changes.items()
            },
        }
        with mock.patch.object(errata, 'ERRATA', changed):
            return compare.compare(
                reproductions or cached_reproductions()
            ).problems

    def test_explains_nothing(self):
        (correction,) = errata.ERRATA['E15'].default_reading
        self.assertEqual(
            self.problems(
                E12=dict(
                    default_reading=(
                        dataclasses.replace(correction, values={6: '7'}),
                    )
                )
            ),
            [
                'E12 no longer applies ('
                + errata.ERRATA['E12'].thesis
                + '): it explains no cell'
            ],
        )
        problems = self.problems(
            E15=dict(
                default_reading=(
                    dataclasses.replace(correction, values={6: '2'}),
                )
            )
        )
        self.assertEqual(
            problems[:-1],
            [
                f'Table 2.4{name}, row 7 Dense, Output: printed 1x100, '
                'built 1x1'
                for name in (
                    ' (discriminator of the DCGAN)',
                    ' (critic of the WGAN-GP)',
                    ' in 3D (discriminator of the 3D DCGAN)',
                    ' in 3D (critic of the 3D WGAN-GP)',
                )
            ],
        )
        self.assertIn('E15 no longer applies', problems[-1])

    def test_as_soon_as_the_layers_are_as_printed(self):
        reproductions = cached_reproductions(dense_nonlinearity='linear')
        problems = self.problems(reproductions)
        self.assertEqual(
            [text.split(' (')[0] for text in problems],
            ['E4 no longer applies'] * 7,
        )
        self.assertEqual(
            compare.compare(reproductions, default=False).problems, []
        )

    def test_other_parameter(self):
        for name, parameter, text, count in [
            ('E17', 'normalise', 'slice', 6),
            ('E20', 'shuffle', 'no', 6),
            ('E8', 'critic_steps', '5', 2),
            ('E18', 'flip_left', 'yes', 6),
        ]:
            problems = self.problems(
                **{name: dict(parameters={parameter: text})}
            )
            self.assertEqual(len(problems), count)
            self.assertRegex(
                problems[0], f'{name} no longer applies.*: {parameter} of '
            )

    def test_split_without_shared_patients(self):
        # 27,840 images are 174 whole patients.
        first, *others = cached_reproductions()
        data = dataclasses.replace(first.data, shared=[])
        first = dataclasses.replace(first, data=data)
        self.assertRegex(
            self.problems([first, *others])[0],
            'E10 no longer applies.*: on both sides: nobody',
        )

    def test_sizes_that_double(self):
        with mock.patch.object(
            errata_status, 'conv_input_length', lambda n, *args: 2 * n
        ):
            self.assertRegex(self.problems()[0], 'E3 no longer applies')

    def test_other_number_of_iterations(self):
        first, second, *others = cached_reproductions()
        parameters = {**second.parameters, 'epochs': 400}
        second = dataclasses.replace(second, parameters=parameters)
        self.assertIn(
            'E9 no longer applies',
            self.problems([first, second, *others])[-1],
        )
