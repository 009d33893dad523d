"""Tests of presets and parameters."""

from kneerepro import config
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class ParameterTest(FolderTest):
    def test_records_are_called_by_their_keys(self):
        for name, parameter in config.PARAMETERS.items():
            self.assertEqual(parameter.name, name)
            self.assertTrue(parameter.help)

    def test_data_parameters_exist(self):
        self.assertLess(set(config.DATA_PARAMETERS), set(config.PARAMETERS))

    def test_thesis_sets_every_parameter(self):
        found = set()
        for experiment in THESIS:
            found |= set(config.read_preset('thesis', experiment))
        self.assertEqual(found, set(config.PARAMETERS))

    def test_read_parameter(self):
        for name, text, expected in [
            ('nz', '7', 7),
            ('shuffle', 'no', False),
            ('test', '', None),
            ('iterations', 'none', None),
            ('channels', '8,8,4,1', [8, 8, 4, 1]),
            ('filter_size', '5', 5),
            ('output_bias', '-2', -2.0),
        ]:
            value = config.read_parameter(name, text)
            self.assertEqual((value, type(value)), (expected, type(expected)))

    def test_wrong_parameters(self):
        for name, text, message in [
            ('nzz', '7', r'^there is no parameter nzz \(did you mean nz\?\)$'),
            ('nz', 'x', "^nz: 'x' is not an integer$"),
            ('nz', '', "^nz: '' is not an integer$"),
            ('nz', 'none', "^nz: 'none' is not an integer$"),
            ('split', 'first', "^split: 'first' is not one of last, patient$"),
        ]:
            with self.assertRaisesRegex(UserError, message):
                config.read_parameter(name, text)

    def test_text_can_be_read_again(self):
        for experiment in EXPERIMENTS:
            for preset in config.presets_of(experiment):
                values = config.read_preset(preset, experiment)
                for name, value in values.items():
                    text = config.as_text(value)
                    self.assertEqual(config.read_parameter(name, text), value)
        self.assertEqual(config.as_text(None), 'none')


class PresetTest(FolderTest):
    def assert_wrong(self, message, text, experiment='cae2d'):
        path = self.write('my.ini', text)
        with self.assertRaisesRegex(UserError, message):
            config.read_preset(path, experiment)

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

    def test_name(self):
        for preset in 'mine', 'mine.ini', '/some/where/mine.ini':
            self.assertEqual(config.preset_name(preset), 'mine')

    def test_every_preset_has_the_same_parameters(self):
        for experiment in EXPERIMENTS:
            *presets, full = config.presets_of(experiment)
            for preset in presets:
                self.assertEqual(
                    list(config.read_preset(preset, experiment)),
                    list(config.read_preset(full, experiment)),
                )

    def test_full_size(self):
        """Beyond the thesis, only what volumes change is not the thesis's."""
        for experiment in sorted({*EXPERIMENTS} - {*THESIS}):
            full = config.read_preset('full', experiment)
            thesis = config.read_preset(
                'thesis', EXPERIMENTS[experiment].extends
            )
            self.assertEqual(list(full), list(thesis))
            self.assertEqual(
                {name for name in full if full[name] != thesis[name]},
                {'batch_size', 'epochs'},
            )
            # About as many iterations as the thesis has.
            iterations = full['epochs'] * (180 // full['batch_size'])
            images = thesis['epochs'] * (28800 // thesis['batch_size'])
            self.assertAlmostEqual(iterations / images, 1, delta=0.05)

    def test_presets_of_another_experiment(self):
        with self.assertRaisesRegex(
            UserError,
            'dcgan3d has no preset thesis: use one of smoke, quick, full, or',
        ):
            config.read_preset('thesis', 'dcgan3d')
        with self.assertRaisesRegex(
            UserError, 'cae2d has no preset full: use one of .*thesis'
        ):
            config.read_preset('full', 'cae2d')

    def test_own_file(self):
        path = self.write(
            'my.ini', '[all]\nwidth = 0.5\n[cae2d]\nnz = 7\ntest = 3  # few\n'
        )
        values = config.read_preset(path, 'cae2d')
        self.assertEqual(
            (values['width'], values['nz'], values['test']), (0.5, 7, 3)
        )
        self.assertEqual(values['learning_rate'], 1e-4)
        values = config.read_preset(path, 'dcgan')
        self.assertEqual((values['width'], values['nz']), (0.5, 200))

    def test_no_such_preset(self):
        with self.assertRaisesRegex(
            UserError,
            'cannot read preset quik: No such file.*smoke, quick, thesis.*'
            r'\(did you mean quick\?\)',
        ):
            config.read_preset('quik', 'cae2d')
        with self.assertRaisesRegex(UserError, 'Is a directory'):
            config.read_preset(self.folder, 'cae2d')

    def test_wrong_files(self):
        self.assert_wrong(
            'no parameter learning_rat .did you mean learning_rate',
            '[cae2d]\nlearning_rat = 1\n',
        )
        self.assert_wrong(
            'called cae2 .did you mean cae2d', '[cae2]\nnz = 1\n'
        )
        self.assert_wrong(
            "nz of cae2d: 'ten' is not an integer", '[cae2d]\nnz = ten\n'
        )
        self.assert_wrong(
            "shuffle of cae2d: 'maybe' is not one of yes",
            '[all]\nshuffle = maybe\n',
        )
        self.assert_wrong('is not a valid preset', 'nz = 1\n')
        self.assert_wrong('is not a valid preset', '[cae2d]\nnz = 1\nnz = 2\n')
        self.assert_wrong(
            'cae2d has no parameter penalty_weight',
            '[cae2d]\npenalty_weight = 1\n',
        )


class EarlierVersionTest(FolderTest):
    def test_missing_parameters_are_added(self):
        values = config.read_preset('thesis', 'cae3d')
        del values['output_bias'], values['first_ten_every']
        filled = config.fill_missing(values, 'cae3d')
        self.assertEqual(filled['output_bias'], 'zero')
        self.assertEqual(filled['first_ten_every'], 1)
        self.assertNotIn('output_bias', values)

    def test_others_stay(self):
        values = config.read_preset('thesis', 'cae3d')
        values['output_bias'] = -2.0
        self.assertEqual(config.fill_missing(values, 'cae3d'), values)
        values = config.read_preset('thesis', 'dcgan')
        self.assertEqual(config.fill_missing(values, 'dcgan'), values)


class DifferencesTest(FolderTest):
    def test_only_the_thesis_has_none(self):
        for experiment in EXPERIMENTS:
            *presets, full = config.presets_of(experiment)
            for preset in *presets, full:
                values = config.read_preset(preset, experiment)
                found = config.differences_from_thesis(values, experiment)
                self.assertEqual(bool(found), preset != full)

    def test_value_and_value_of_the_thesis(self):
        values = dict(config.read_preset('thesis', 'dcgan'), nz=5)
        self.assertEqual(
            config.differences_from_thesis(values, 'dcgan'), {'nz': (5, 200)}
        )

    def test_images_that_are_not_synthetic(self):
        values = config.read_preset('quick', 'cae2d')
        self.assertIn(
            'patients', config.differences_from_thesis(values, 'cae2d')
        )
        found = config.differences_from_thesis(
            values, 'cae2d', synthetic=False
        )
        self.assertNotIn('patients', found)
        self.assertIn('depth', found)

    def test_the_thesis_names_no_seed(self):
        values = dict(config.read_preset('thesis', 'dcgan'), seed=5)
        self.assertEqual(config.differences_from_thesis(values, 'dcgan'), {})
