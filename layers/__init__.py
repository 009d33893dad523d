"""Layers that Lasagne 0.1 lacks, with the interface of Lasagne 0.2.dev1.

This package needs Theano, Lasagne and NumPy and nothing else, and works with
Lasagne 0.1 and 0.2.dev1 alike::

    import layers
    network = layers.Deconv3DLayer(network, 64, 4, stride=2, crop=1)

On a Python that is newer than Theano (3.9 to 3.11), ``import kneerepro``
before it, or see there how to make Theano importable.
"""

from layers.conv import Conv2DLayer, Conv3DLayer
from layers.normalization import BatchNormLayer, batch_norm
from layers.transposed_conv import (
    Deconv2DLayer,
    Deconv3DLayer,
    TransposedConv2DLayer,
    TransposedConv3DLayer,
)

__all__ = [
    'Conv2DLayer',
    'Conv3DLayer',
    'TransposedConv2DLayer',
    'Deconv2DLayer',
    'TransposedConv3DLayer',
    'Deconv3DLayer',
    'BatchNormLayer',
    'batch_norm',
]
