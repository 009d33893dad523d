"""Theano's compiled functions on PyTorch kernels.

::

    import kneerepro
    from kneerepro.engine import torch_mode
    f = theano.function([x], y, mode=torch_mode())

or, for all functions of a program, by the flag of Theano's that asks for it::

    THEANO_FLAGS=mode=TORCH python program.py

where the program imports this package. The folder needs Theano, PyTorch and
NumPy alone and may be taken as it is.
"""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        'this engine runs on PyTorch, which is not installed: '
        'pip install torch'
    ) from error

from . import flags

with flags.hidden():
    import theano

from . import substreams
from .linker import TorchLinker
from .modes import torch_mode

substreams.install()
if flags.asked_for():
    theano.config.mode = torch_mode()

__all__ = ['TorchLinker', 'torch_mode']
