"""Theano's compiled functions on PyTorch kernels.

::

    import kneerepro
    from kneerepro.engine import torch_mode
    f = theano.function([x], y, mode=torch_mode())

The folder needs Theano, PyTorch and NumPy alone and may be taken as it is.
"""

from .linker import TorchLinker
from .modes import torch_mode

__all__ = ['TorchLinker', 'torch_mode']
