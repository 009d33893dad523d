"""The baseline in PyTorch alone computes what the engine computes."""

import functools
import unittest
from unittest import mock

import numpy as np
import theano
from lasagne.layers import count_params, get_output

from kneerepro import algorithms, networks
from kneerepro.registry import EXPERIMENTS, THESIS
from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch
from tests.benchmarks.parameters import copy_parameters

if torch is not None:
    from kneerepro.engine import torch_mode


@NEEDS_TORCH
class TrainingStepTest(unittest.TestCase):
    def assert_same_counts(self, name, **options):
        """Both implementations have the same number of parameters."""
        ours = getattr(networks, EXPERIMENTS[name].builder)(**options)
        theirs, _ = benchmark('native').training_step(name, 2, **options)
        self.assertEqual(
            [count_params(network, trainable=True) for network in ours],
            [
                sum(parameter.numel() for parameter in network.parameters())
                for network in theirs
            ],
        )

    def test_parameter_counts_are_those_of_the_thesis(self):
        for name in THESIS:
            self.assert_same_counts(name)

    def test_autoencoder_has_the_same_losses(self):
        encoder, decoder = networks.build_cae2d()
        # Lasagne's Adam adds epsilon before the bias correction, PyTorch's
        # after it, which matters where gradients are as small as here. With
        # this epsilon, the first steps are equal.
        epsilon = 1e-8 / (1 - 0.999) ** 0.5
        with mock.patch(
            'torch.optim.Adam',
            functools.partial(torch.optim.Adam, eps=epsilon),
        ):
            theirs, step = benchmark('native').training_step('cae2d', 2)
        for ours, network in zip((encoder, decoder), theirs):
            copy_parameters(ours, network)
        functions = algorithms.compile_cae(
            encoder, decoder, mode=torch_mode('cpu')
        )
        x = np.random.RandomState(0).rand(2, 1, 64, 64).astype('float32')
        before, after = (float(functions.train(x)), float(functions.test(x)))
        for expected in before, after:
            (loss,) = step(torch.from_numpy(x))
            self.assertAlmostEqual(loss.item(), expected, 7)
        self.assertGreater(before - after, 1e-5)

    def test_gans_compute_the_same_outputs(self):
        rng = np.random.RandomState(0)
        inputs = (
            rng.normal(size=(4, 200)).astype('float32'),
            rng.rand(4, 1, 64, 64).astype('float32'),
        )
        for name in 'dcgan', 'wgan_gp':
            theirs, _ = benchmark('native').training_step(name, 4)
            ours = getattr(networks, 'build_' + name)()
            for network, module, x in zip(ours, theirs, inputs):
                copy_parameters(network, module)
                expected = theano.function(
                    [], get_output(network, x), mode=torch_mode('cpu')
                )()
                found = module(torch.from_numpy(x))
                if name == 'dcgan' and found.ndim == 2:
                    found = found.sigmoid()  # PyTorch's network returns logits
                np.testing.assert_allclose(
                    found.detach().numpy(), expected, rtol=1e-3, atol=1e-4
                )

    def test_inference(self):
        for name, shape in ('cae2d', (2, 1, 64, 64)), ('dcgan', (2, 200)):
            halves, function = benchmark('native').inference(
                name, width=1 / 32
            )
            images = function(torch.rand(shape))
            self.assertEqual(tuple(images.shape), (2, 1, 64, 64))
            self.assertTrue(images.is_inference())
            self.assertFalse(any(half.training for half in halves))

    def test_parameter_counts_at_other_sizes(self):
        for name, options in (
            ('cae2d', {'width': 1 / 16}),
            ('cae3d', {'width': 1 / 16, 'depth': 32}),
            ('dcgan', {'width': 1 / 128}),
            ('wgan_gp', {'width': 1 / 128}),
        ):
            self.assert_same_counts(name, **options)
