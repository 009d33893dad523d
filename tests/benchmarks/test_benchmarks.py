"""What the engine is measured against computes the same."""

import functools
import importlib
import os
import sys
import unittest
from unittest import mock

import lasagne
import numpy as np
import theano
from lasagne.layers import DenseLayer, count_params, get_all_layers, get_output
from theano.configparser import change_flags

from kneerepro import algorithms, networks
from layers import BatchNormLayer
from layers.conv import BaseConvLayer
from tests.subprocesses import ROOT

try:
    import torch

    from kneerepro.engine import torch_mode
except ImportError:
    torch = None


def benchmark(name):
    """A module of benchmarks/, whose scripts import each other by name."""
    with mock.patch.object(
        sys, 'path', [os.path.join(ROOT, 'benchmarks'), *sys.path]
    ):
        return importlib.import_module(name)


def copy_parameters(lasagne_network, network):
    """Give a network of PyTorch's the parameters of one of Lasagne's."""
    modules = iter(
        [
            module
            for module in network.modules()
            if list(module.parameters(recurse=False))
        ]
    )
    for layer in get_all_layers(lasagne_network):
        if isinstance(layer, (DenseLayer, BatchNormLayer, BaseConvLayer)):
            module = next(modules)
            if isinstance(layer, BatchNormLayer):
                weight, bias = layer.gamma, layer.beta
            else:
                weight, bias = layer.W, layer.b
            weight = weight.get_value()
            if isinstance(layer, DenseLayer):
                weight = weight.T
            elif (
                isinstance(layer, BaseConvLayer)
                # PyTorch correlates, and transposes a correlation.
                and layer.flip_filters != hasattr(layer, 'crop')
            ):
                weight = np.flip(weight, tuple(range(2, weight.ndim)))
            if module.weight.shape != weight.shape:
                raise AssertionError(f'{module} for {weight.shape}')
            module.weight.data.copy_(torch.from_numpy(weight.copy()))
            if bias is not None:
                module.bias.data.copy_(torch.from_numpy(bias.get_value()))


@unittest.skipIf(torch is None, 'PyTorch is not installed')
class NativeTest(unittest.TestCase):
    def test_parameters(self):
        for name in 'cae2d', 'cae3d', 'dcgan', 'wgan_gp':
            ours = getattr(networks, 'build_' + name)()
            theirs, _ = benchmark('native').training_step(name, 2)
            self.assertEqual(
                [count_params(one, trainable=True) for one in ours],
                [
                    sum(parameter.numel() for parameter in one.parameters())
                    for one in theirs
                ],
            )

    def test_autoencoder_trains_alike(self):
        encoder, decoder = networks.build_cae2d()
        # Lasagne's Adam adds epsilon before it corrects the bias, PyTorch's
        # after, which shows where gradients are as small as here. For the
        # first step, this makes them one.
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

    def test_gans_compute_alike(self):
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
                    found = found.sigmoid()  # it gives logits
                np.testing.assert_allclose(
                    found.detach().numpy(), expected, rtol=1e-3, atol=1e-4
                )

    def test_sizes(self):
        for name, options in (
            ('cae2d', {'width': 1 / 16}),
            ('cae3d', {'width': 1 / 16, 'depth': 32}),
            ('dcgan', {'width': 1 / 128}),
            ('wgan_gp', {'width': 1 / 128}),
        ):
            ours = getattr(networks, 'build_' + name)(**options)
            theirs, _ = benchmark('native').training_step(name, 2, **options)
            self.assertEqual(
                [count_params(one, trainable=True) for one in ours],
                [
                    sum(parameter.numel() for parameter in one.parameters())
                    for one in theirs
                ],
            )

    def test_others_train_alike(self):
        # In float32, a rounding may turn a rectifier's sign.
        flags = change_flags(floatX='float64')
        flags.__enter__()
        self.addCleanup(flags.__exit__)
        rng = np.random.RandomState(0)
        self.addCleanup(lasagne.random.set_rng, lasagne.random.get_rng())
        lasagne.random.set_rng(rng)
        others = benchmark('others')
        for name, sizes in (
            ('resnet', {}),
            ('unet3d', dict(depth=8, rows=8, columns=16)),
        ):
            with self.subTest(name):
                ours = getattr(others, 'build_' + name)(**sizes)
                train = getattr(others, 'compile_' + name)(
                    ours, mode=torch_mode('cpu')
                )
                theirs, step = benchmark('native_others').training_step(name)
                theirs.double()
                copy_parameters(ours, theirs)
                x_shape, y_shape = {
                    'resnet': ((4, 3, 32, 32), 4),
                    'unet3d': ((2, 1, 8, 8, 16), (2, 8, 8, 16)),
                }[name]
                x = rng.rand(*x_shape)
                y = rng.randint(4, size=y_shape).astype('int32')
                expected = [float(train(x, y)) for _ in range(3)]
                found = [
                    step(torch.from_numpy(x), torch.from_numpy(y).long())[
                        0
                    ].item()
                    for _ in range(3)
                ]
                # Lasagne's Adam adds epsilon before the correction for the
                # number of steps, PyTorch's after it.
                np.testing.assert_allclose(
                    found, expected, rtol=1e-7 if name == 'resnet' else 1e-4
                )
                self.assertGreater(abs(expected[0] / expected[2] - 1), 1e-2)
