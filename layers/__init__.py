"""Layers that Lasagne 0.1 lacks, with the interface of Lasagne 0.2.dev1.

The package imports only Theano, Lasagne and NumPy, and works with both
versions of Lasagne. To use it elsewhere, copy the folder::

    import layers
    network = layers.Deconv3DLayer(network, 64, 4, stride=2, crop=1)

Theano does not import on Python 3.9 or newer by itself. There, either put
``import kneerepro`` first or copy :mod:`kneerepro.compat` as well.
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
