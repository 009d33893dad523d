"""Tests of the registry of the experiments."""

import unittest

from kneerepro import algorithms, config, networks
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS, GANS, THESIS


class RegistryTest(unittest.TestCase):
    def test_order_of_the_thesis(self):
        self.assertEqual(
            [(name, spec.section) for name, spec in EXPERIMENTS.items()],
            [
                ('cae2d', '3.1'),
                ('cae3d', '3.2'),
                ('dcgan', '3.3'),
                ('wgan_gp', '3.4'),
                ('dcgan3d', '4.2'),
                ('wgan_gp3d', '4.2'),
            ],
        )
        self.assertEqual(THESIS, ('cae2d', 'cae3d', 'dcgan', 'wgan_gp'))
        self.assertEqual(AUTOENCODERS, ('cae2d', 'cae3d'))
        self.assertEqual(GANS, ('dcgan', 'wgan_gp', 'dcgan3d', 'wgan_gp3d'))

    def test_what_goes_beyond_extends_the_thesis(self):
        for name, spec in EXPERIMENTS.items():
            self.assertEqual(
                (spec.extends is None, spec.full_preset),
                (True, 'thesis') if name in THESIS else (False, 'full'),
            )
            if spec.extends:
                extended = EXPERIMENTS[spec.extends]
                self.assertTrue(spec.on_volumes and not extended.on_volumes)
                self.assertEqual(
                    (spec.compiler, spec.networks, spec.options, spec.losses),
                    (
                        extended.compiler,
                        extended.networks,
                        extended.options,
                        extended.losses,
                    ),
                )

    def test_functions_exist(self):
        for spec in EXPERIMENTS.values():
            self.assertTrue(callable(getattr(networks, spec.builder)))
            self.assertTrue(callable(getattr(algorithms, spec.compiler)))

    def test_options_are_parameters_of_the_experiment(self):
        for name, spec in EXPERIMENTS.items():
            self.assertLess(
                set(spec.options),
                set(config.read_preset(spec.full_preset, name)),
            )

    def test_published_losses_are_logged(self):
        for spec in EXPERIMENTS.values():
            self.assertLessEqual(set(dict(spec.published)), set(spec.losses))

    def test_sizes_that_the_builder_takes(self):
        shape = 3, 4, 5
        self.assertEqual(
            {name: spec.sizes(shape) for name, spec in EXPERIMENTS.items()},
            {
                'cae2d': {'rows': 4, 'columns': 5},
                'cae3d': {'depth': 3, 'rows': 4, 'columns': 5},
                'dcgan': {},
                'wgan_gp': {},
                'dcgan3d': {'depth': 3, 'rows': 4, 'columns': 5},
                'wgan_gp3d': {'depth': 3, 'rows': 4, 'columns': 5},
            },
        )

    def test_unit(self):
        self.assertEqual(EXPERIMENTS['cae3d'].unit, 'volumes')
        self.assertEqual(EXPERIMENTS['dcgan'].unit, 'images')
