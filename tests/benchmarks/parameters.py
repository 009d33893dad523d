"""Give PyTorch's networks the parameters of Lasagne's."""

import numpy as np
from lasagne.layers import DenseLayer, get_all_layers

from layers import BatchNormLayer
from layers.conv import BaseConvLayer
from tests.benchmarks.common import torch


def copy_parameters(lasagne_network, network):
    """Copy the parameters of a Lasagne network into a PyTorch network."""
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
                # PyTorch's convolutions correlate; its transposed ones are
                # the adjoint of a correlation.
                and layer.flip_filters != hasattr(layer, 'crop')
            ):
                weight = np.flip(weight, tuple(range(2, weight.ndim)))
            if module.weight.shape != weight.shape:
                raise AssertionError(f'{module} got {weight.shape}')
            module.weight.data.copy_(torch.from_numpy(weight.copy()))
            if bias is not None:
                module.bias.data.copy_(torch.from_numpy(bias.get_value()))
