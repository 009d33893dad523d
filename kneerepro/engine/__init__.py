"""Runs Theano's compiled functions on PyTorch's kernels.

::

    import kneerepro
    from kneerepro.engine import torch_mode
    f = theano.function([x], y, mode=torch_mode())

A program that imports this package can also use it for all its functions, by
Theano's own flag::

    THEANO_FLAGS=mode=TORCH python program.py

The folder requires only Theano, PyTorch and NumPy, and can be copied into
another project.
"""

try:
    import torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        'kneerepro.engine runs on PyTorch, which is not installed: '
        'pip install torch'
    ) from error

from . import flags

with flags.hide_torch_mode():
    import theano

from . import c_files, rewrites, substreams
from .linker import TorchLinker
from .modes import torch_mode

c_files.install()
rewrites.install()
substreams.install()
if flags.requests_torch_mode():
    theano.config.mode = torch_mode()

__all__ = ['TorchLinker', 'torch_mode']
