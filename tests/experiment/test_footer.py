import unittest
from types import SimpleNamespace

from kneerepro import config
from kneerepro.experiment.footer import footer_of, footer_of_networks
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.runs import Run


def fake_run(experiment, preset='thesis', synthetic=False, **changes):
    parameters = {**config.read_preset(preset, experiment), **changes}
    data = {
        'synthetic': synthetic,
        'train': 27800,
        'test': 1000,
        'shape': [160, 64, 64],
    }
    run = SimpleNamespace(
        experiment=experiment,
        parameters=parameters,
        settings={
            'preset': preset,
            'data': data,
            'engine': 'torch',
            'device': 'cuda',
        },
    )
    run.differences_from_thesis = lambda: Run.differences_from_thesis(run)
    return run


class FooterTest(unittest.TestCase):
    def test_thesis(self):
        for experiment in THESIS:
            text = footer_of(fake_run(experiment))
            self.assertNotIn('not the thesis', text)
            self.assertNotIn('(thesis: ', text)
            self.assertNotIn('beyond the thesis', text)
            self.assertIn('own data, 27,800 training and 1,000 test', text)
            self.assertIn(
                'volumes of 160 x 64 x 64'
                if experiment == 'cae3d'
                else 'images of 64 x 64',
                text,
            )
            self.assertIn('torch engine, cuda', text)

    def test_reduced_presets_say_so(self):
        for experiment in THESIS:
            for preset in 'smoke', 'quick':
                text = footer_of(fake_run(experiment, preset, synthetic=True))
                self.assertIn(f"preset {preset}, not the thesis's", text)
                self.assertIn('(thesis: 1)', text)
                self.assertIn('synthetic knees', text)

    def test_figures_that_are_not_in_the_thesis(self):
        beyond = '; beyond the thesis (section 4.2); '
        self.assertIn(beyond, footer_of(fake_run('cae2d'), beyond=True))
        for experiment in sorted({*EXPERIMENTS} - {*THESIS}):
            for preset in config.presets_of(experiment):
                text = footer_of(fake_run(experiment, preset))
                self.assertEqual(text.count(beyond), 1)
                self.assertNotIn("not the thesis's", text)
                self.assertEqual(
                    f'preset {preset}; ' in text, preset != 'full'
                )
            self.assertNotIn('(full: ', text)
            text = footer_of(fake_run(experiment, 'full', width=0.5))
            self.assertIn('width 0.5 (full: 1)', text)

    def test_one_changed_parameter(self):
        text = footer_of(fake_run('wgan_gp', penalty_weight=5.0))
        self.assertIn("not the thesis's", text)
        self.assertIn('λ 5 (thesis: 10)', text)
        # Fewer images alone make it another run as well.
        text = footer_of(fake_run('cae2d', depth=32))
        self.assertIn("not the thesis's", text)

    def test_shorter_training(self):
        self.assertIn(
            'iterations 4000 (thesis: set by the epochs)',
            footer_of(fake_run('cae2d', iterations=4000)),
        )

    def test_precision(self):
        run = fake_run('cae2d')
        for precision, said in ('float32', False), ('bf16', True):
            run.settings['precision'] = precision
            text = footer_of(run)
            self.assertEqual('precision bf16 (thesis: float32)' in text, said)
            self.assertEqual("not the thesis's" in text, said)

    def test_networks(self):
        parameters = config.read_preset('thesis', 'cae3d')
        self.assertNotIn('thesis', footer_of_networks(parameters, 'cae3d'))
        parameters = dict(parameters, depth=32, epochs=3, width=0.5)
        self.assertIn(
            "not the thesis's networks; depth 32 (thesis: 160); "
            'width 0.5 (thesis: 1)',
            footer_of_networks(parameters, 'cae3d'),
        )
        parameters = dict(
            config.read_preset('thesis', 'cae2d'), encoder_sigmoid='conv'
        )
        self.assertIn(
            'encoder sigmoid conv (thesis: dense)',
            footer_of_networks(parameters, 'cae2d'),
        )
        parameters = dict(config.read_preset('thesis', 'dcgan'), depth=32)
        self.assertNotIn('thesis', footer_of_networks(parameters, 'dcgan'))
