"""Tests of the flags that scripts share."""

import contextlib
import io
import unittest

from kneerepro import command_line, config
from kneerepro.registry import EXPERIMENTS


def parser(experiment='cae2d', **kwargs):
    result = command_line.Parser('Description.\n\nMore.')
    command_line.add_parameters(result, experiment, **kwargs)
    return result


class FlagTest(unittest.TestCase):
    def parameters(self, *arguments, experiment='cae2d'):
        args = parser(experiment).parse_args(arguments)
        return command_line.parameters_from(args, experiment)

    def assert_refused(self, message, *arguments, experiment='cae2d'):
        output = io.StringIO()
        with (
            contextlib.redirect_stderr(output),
            self.assertRaises(SystemExit) as caught,
        ):
            self.parameters(*arguments, experiment=experiment)
        self.assertEqual(caught.exception.code, 2)
        self.assertRegex(
            output.getvalue(), r'\Aerror: .*; --help lists all arguments\n\Z'
        )
        self.assertIn(message, output.getvalue())


class ParametersTest(FlagTest):
    def test_flags_override_the_preset(self):
        values = self.parameters(
            '--preset',
            'thesis',
            '--learning-rate',
            '2e-3',
            '--no-shuffle',
            '--channels',
            '8,8,4,1',
            '--split',
            'patient',
            '--test',
            '5',
            '--iterations',
            '22500',
            '--flip-left',
            '--seed',
            '3',
        )
        self.assertEqual(
            values,
            {
                **config.read_preset('thesis', 'cae2d'),
                'learning_rate': 2e-3,
                'shuffle': False,
                'channels': [8, 8, 4, 1],
                'split': 'patient',
                'test': 5,
                'iterations': 22500,
                'flip_left': True,
                'seed': 3,
            },
        )

    def test_default_preset(self):
        self.assertEqual(
            self.parameters(), config.read_preset('quick', 'cae2d')
        )
        args = parser(preset='smoke').parse_args([])
        self.assertEqual(args.preset, 'smoke')

    def test_each_parameter_has_a_flag(self):
        for experiment in EXPERIMENTS:
            *_, preset = config.presets_of(experiment)
            full = config.read_preset(preset, experiment)
            for name, value in full.items():
                if not isinstance(value, (bool, type(None))):
                    given = self.parameters(
                        '--preset',
                        'smoke',
                        '--' + name.replace('_', '-'),
                        config.as_text(value),
                        experiment=experiment,
                    )
                    self.assertEqual(given[name], value)

    def test_output_bias(self):
        for text, expected in ('zero', 'zero'), ('mean', 'mean'), ('-2', -2.0):
            self.assertEqual(
                self.parameters('--output-bias', text)['output_bias'], expected
            )
        for wrong in 'average', 'nan', 'inf', '':
            self.assert_refused(
                f'{wrong!r} is not zero, mean or a finite number',
                '--output-bias',
                wrong,
            )
        self.assert_refused(
            'unknown argument', '--output-bias', 'zero', experiment='dcgan'
        )

    def test_some_parameters_only(self):
        args = parser(only=['nz']).parse_args(['--nz', '3'])
        self.assertEqual(command_line.parameters_from(args, 'cae2d')['nz'], 3)
        with (
            contextlib.redirect_stderr(io.StringIO()),
            self.assertRaises(SystemExit),
        ):
            parser(only=['nz']).parse_args(['--epochs', '3'])


class RefusalTest(FlagTest):
    def test_unknown_flags(self):
        self.assert_refused(
            'unknown argument --learning-rat (did you mean --learning-rate?)',
            '--learning-rat',
            '1',
        )
        self.assert_refused(
            'unknown argument --epoch (did you mean --epochs?)', '--epoch=3'
        )
        self.assert_refused(
            'unknown argument --penalty-weight', '--penalty-weight', '1'
        )
        self.assert_refused('unknown argument stray', 'stray')

    def test_wrong_values(self):
        for message, *arguments in [
            ('not an integer', '--nz', '1.5'),
            ('not at least 1', '--epochs', '0'),
            ('not a positive number', '--learning-rate', '-1'),
            ('not a positive number', '--learning-rate', 'nan'),
            ('below 1', '--beta1', '1'),
            ('not one of last, patient', '--split', 'first'),
            ('not four numbers', '--channels', '3,2,1'),
            ('not four numbers', '--channels', '3,2,1,2'),
        ]:
            self.assert_refused(message, *arguments)
        self.assert_refused(
            'not one of 4, 5', '--filter-size', '6', experiment='dcgan'
        )


class HelpTest(unittest.TestCase):
    def test_shows_the_values_of_quick_and_thesis(self):
        text = ' '.join(parser().format_help().split())
        self.assertIn(
            'passes over the training set (quick: 60, thesis: 100)', text
        )
        self.assertNotIn('SUPPRESS', text)

    def test_shows_the_first_paragraph_of_the_description(self):
        text = parser().format_help()
        self.assertIn('Description.', text)
        self.assertNotIn('More.', text)

    def test_common_flags(self):
        result = command_line.Parser('Description.')
        command_line.add_out(result)
        command_line.add_preset(result, 'thesis')
        args = result.parse_args([])
        self.assertEqual((args.out, args.preset), ('runs', 'thesis'))
