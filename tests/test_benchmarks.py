"""What the engine is measured against computes the same."""

import functools
import importlib.util
import os
import unittest
from unittest import mock

import kneerepro  # noqa: F401, before Theano
import numpy as np
import theano
from lasagne.layers import (
    DenseLayer, count_params, get_all_layers, get_output)

from kneerepro import algorithms, networks
from layers import BatchNormLayer, Conv2DLayer, Deconv2DLayer
from tests.subprocesses import ROOT

try:
    import torch

    from kneerepro.engine import torch_mode
except ImportError:
    torch = None


def native():
    path = os.path.join(ROOT, 'benchmarks', 'native.py')
    spec = importlib.util.spec_from_file_location('native', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_parameters(lasagne_network, network):
    """Give a network of PyTorch's the parameters of one of Lasagne's."""
    modules = iter([module for module in network
                    if list(module.parameters())])
    for layer in get_all_layers(lasagne_network):
        if isinstance(layer, (DenseLayer, BatchNormLayer, Conv2DLayer,
                              Deconv2DLayer)):
            module = next(modules)
            if isinstance(layer, BatchNormLayer):
                weight, bias = layer.gamma, layer.beta
            else:
                weight, bias = layer.W, layer.b
            weight = weight.get_value()
            if isinstance(layer, DenseLayer):
                weight = weight.T
            elif (isinstance(layer, (Conv2DLayer, Deconv2DLayer))
                  # PyTorch correlates, and transposes a correlation.
                  and layer.flip_filters == isinstance(layer, Conv2DLayer)):
                weight = weight[:, :, ::-1, ::-1]
            module.weight.data.copy_(torch.from_numpy(weight.copy()))
            if bias is not None:
                module.bias.data.copy_(torch.from_numpy(bias.get_value()))


@unittest.skipIf(torch is None, 'PyTorch is not installed')
class NativeTest(unittest.TestCase):
    def test_parameters(self):
        for name in 'cae2d', 'cae3d', 'dcgan', 'wgan_gp':
            ours = getattr(networks, 'build_' + name)()
            theirs, _ = native().training_step(name, 2)
            self.assertEqual(
                [count_params(one, trainable=True) for one in ours],
                [sum(parameter.numel() for parameter in one.parameters())
                 for one in theirs])

    def test_autoencoder_trains_alike(self):
        encoder, decoder = networks.build_cae2d()
        # Lasagne's Adam adds epsilon before it corrects the bias, PyTorch's
        # after, which shows where gradients are as small as here. For the
        # first step, this makes them one.
        epsilon = 1e-8 / (1 - 0.999)**0.5
        with mock.patch('torch.optim.Adam', functools.partial(
                torch.optim.Adam, eps=epsilon)):
            theirs, step = native().training_step('cae2d', 2)
        for ours, network in zip((encoder, decoder), theirs):
            copy_parameters(ours, network)
        functions = algorithms.compile_cae(encoder, decoder,
                                           mode=torch_mode('cpu'))
        x = np.random.RandomState(0).rand(2, 1, 64, 64).astype('float32')
        before, after = (float(functions.train(x)), float(functions.test(x)))
        self.assertAlmostEqual(step(torch.from_numpy(x))[0], before, 7)
        self.assertAlmostEqual(step(torch.from_numpy(x))[0], after, 7)
        self.assertGreater(before - after, 1e-5)

    def test_gans_compute_alike(self):
        rng = np.random.RandomState(0)
        inputs = (rng.normal(size=(4, 200)).astype('float32'),
                  rng.rand(4, 1, 64, 64).astype('float32'))
        for name in 'dcgan', 'wgan_gp':
            theirs, _ = native().training_step(name, 4)
            ours = getattr(networks, 'build_' + name)()
            for network, module, x in zip(ours, theirs, inputs):
                copy_parameters(network, module)
                expected = theano.function([], get_output(network, x),
                                           mode=torch_mode('cpu'))()
                found = module(torch.from_numpy(x))
                if name == 'dcgan' and found.ndim == 2:
                    found = found.sigmoid()     # it gives logits
                np.testing.assert_allclose(found.detach().numpy(), expected,
                                           rtol=1e-3, atol=1e-4)
