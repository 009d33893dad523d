import contextlib
import io

from kneerepro import config
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


def parser(experiment='cae2d', **kwargs):
    result = config.Parser('Description.\n\nMore.')
    config.add_parameters(result, experiment, **kwargs)
    return result


class ConfigTest(FolderTest):
    def parameters(self, *arguments, experiment='cae2d'):
        args = parser(experiment).parse_args(arguments)
        return config.parameters_of(args, experiment)

    def assert_refused(self, message, *arguments, experiment='cae2d'):
        """By the parser."""
        output = io.StringIO()
        with contextlib.redirect_stderr(output):
            with self.assertRaises(SystemExit) as caught:
                self.parameters(*arguments, experiment=experiment)
        self.assertEqual(caught.exception.code, 2)
        self.assertRegex(output.getvalue(), r'\Aerror: .*\n\Z')
        self.assertIn(message, output.getvalue())

    def assert_wrong_preset(self, message, text, experiment='cae2d'):
        path = self.write('my.ini', text)
        with self.assertRaisesRegex(UserError, message):
            self.parameters('--preset', path, experiment=experiment)


class PresetTest(ConfigTest):
    def test_thesis(self):
        # Table 2.5, and the lengths in the text.
        for experiment, expected in {
            'cae2d': (100, 128, 1e-4, 0.5, 0.999, 100),
            'cae3d': (200, 4, 5e-5, 0.5, 0.999, 500),
            'dcgan': (200, 128, 5e-5, 0.5, 0.9, 20),
            'wgan_gp': (200, 128, 5e-5, 0.5, 0.9, 35),
        }.items():
            values = config.read_preset('thesis', experiment)
            self.assertEqual(
                expected,
                tuple(
                    values[name]
                    for name in (
                        'nz',
                        'batch_size',
                        'learning_rate',
                        'beta1',
                        'beta2',
                        'epochs',
                    )
                ),
            )
            self.assertEqual(
                (180, 384, 160, 160, 64, 1),
                tuple(
                    values[name]
                    for name in (
                        'patients',
                        'matrix',
                        'slices',
                        'depth',
                        'size',
                        'width',
                    )
                ),
            )
            self.assertEqual(config.differences(values, experiment), {})

    def test_name(self):
        for preset in 'mine', 'mine.ini', '/some/where/mine.ini':
            self.assertEqual(config.preset_name(preset), 'mine')

    def test_every_preset_can_be_read(self):
        for preset in config.PRESETS:
            for experiment in EXPERIMENTS:
                values = config.read_preset(preset, experiment)
                self.assertEqual(
                    list(values),
                    list(config.read_preset('thesis', experiment)),
                )
                self.assertEqual(
                    bool(config.differences(values, experiment)),
                    preset != 'thesis',
                )

    def test_own_file(self):
        path = self.write(
            'my.ini', '[all]\nwidth = 0.5\n[cae2d]\nnz = 7\ntest = 3  # few\n'
        )
        values = self.parameters('--preset', path)
        self.assertEqual(
            (values['width'], values['nz'], values['test']), (0.5, 7, 3)
        )
        self.assertEqual(values['learning_rate'], 1e-4)
        values = self.parameters('--preset', path, experiment='dcgan')
        self.assertEqual((values['width'], values['nz']), (0.5, 200))

    def test_wrong_files(self):
        with self.assertRaisesRegex(
            UserError,
            'no preset quik: .*smoke, '
            r'quick.*\(did you mean quick\?\)',
        ):
            self.parameters('--preset', 'quik')
        self.assert_wrong_preset(
            'no learning_rat .did you mean learning_rate',
            '[cae2d]\nlearning_rat = 1\n',
        )
        self.assert_wrong_preset(
            'called cae2 .did you mean cae2d', '[cae2]\nnz = 1\n'
        )
        self.assert_wrong_preset(
            "nz of cae2d: 'ten' is not an integer", '[cae2d]\nnz = ten\n'
        )
        self.assert_wrong_preset(
            "shuffle of cae2d: 'maybe' is not one of yes",
            '[all]\nshuffle = maybe\n',
        )
        self.assert_wrong_preset('is no preset', 'nz = 1\n')
        self.assert_wrong_preset('is no preset', '[cae2d]\nnz = 1\nnz = 2\n')
        self.assert_wrong_preset(
            'cae2d has no penalty_weight', '[cae2d]\npenalty_weight = 1\n'
        )
        with self.assertRaisesRegex(UserError, 'Is a directory'):
            self.parameters('--preset', self.folder)


class FlagTest(ConfigTest):
    def test_each_parameter_has_one(self):
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
            {
                name: value
                for name, (value, _) in config.differences(
                    values, 'cae2d'
                ).items()
            },
            {
                'learning_rate': 2e-3,
                'shuffle': False,
                'channels': [8, 8, 4, 1],
                'split': 'patient',
                'test': 5,
                'iterations': 22500,
                'flip_left': True,
            },
        )
        self.assertEqual(values['seed'], 3)
        for experiment in EXPERIMENTS:
            for name, value in config.read_preset(
                'thesis', experiment
            ).items():
                if not isinstance(value, (bool, type(None))):
                    flag = '--' + name.replace('_', '-')
                    given = self.parameters(
                        '--preset',
                        'thesis',
                        flag,
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
                'neither zero nor mean nor a number', '--output-bias', wrong
            )
        self.assert_refused(
            'unknown argument', '--output-bias', 'zero', experiment='dcgan'
        )

    def test_parameters_of_earlier_versions(self):
        values = config.read_preset('thesis', 'cae3d')
        del values['output_bias']
        self.assertEqual(
            config.complete(values, 'cae3d')['output_bias'], 'zero'
        )
        values['output_bias'] = -2.0
        self.assertEqual(config.complete(values, 'cae3d'), values)
        values = config.read_preset('thesis', 'dcgan')
        self.assertEqual(config.complete(values, 'dcgan'), values)

    def test_unknown(self):
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

    def test_some_only(self):
        args = parser(only=['nz']).parse_args(['--nz', '3'])
        self.assertEqual(config.parameters_of(args, 'cae2d')['nz'], 3)
        with contextlib.redirect_stderr(io.StringIO()):
            with self.assertRaises(SystemExit):
                parser(only=['nz']).parse_args(['--epochs', '3'])

    def test_help(self):
        text = parser().format_help()
        self.assertIn('quick: ', text)
        self.assertNotIn('SUPPRESS', text)
        self.assertNotIn('More.', text)


class DifferencesTest(ConfigTest):
    def test_of_own_images(self):
        values = config.read_preset('quick', 'cae2d')
        self.assertIn('patients', config.differences(values, 'cae2d'))
        self.assertNotIn(
            'patients', config.differences(values, 'cae2d', synthetic=False)
        )

    def test_the_thesis_names_no_seed(self):
        values = dict(config.read_preset('thesis', 'dcgan'), seed=5)
        self.assertEqual(config.differences(values, 'dcgan'), {})
