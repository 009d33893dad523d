"""Run programs that ask Theano for a GPU in the PyTorch engine.

Theano's own GPU code requires pygpu, which can no longer be installed. The
engine takes its place where PyTorch finds a CUDA device.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import types
from typing import Any

logger = logging.getLogger('kneerepro')

#: Name of the module that registers Theano's mode TORCH, or '' if there is
#: none; :func:`kneerepro.compat.install.install` sets it.
engine = ''

# By these, Theano chooses what is fastest. The engine does not take the place
# of the other modes, which search for errors or compile quickly.
_FASTEST = 'MODE', 'FAST_RUN', 'TORCH'


def has_pygpu() -> bool:
    """Whether Theano's own GPU code can run."""
    return importlib.util.find_spec('pygpu') is not None


def missing_cuda() -> str | None:
    """Find out what keeps the PyTorch engine from using a GPU here.

    Returns
    -------
    str or None
        A clause that tells what is missing; None if nothing is.
    """
    if not engine or importlib.util.find_spec('torch') is None:
        return 'the PyTorch engine is not installed'
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library is missing
        return f'PyTorch cannot be imported ({error})'
    if not torch.cuda.is_available():
        return 'PyTorch finds no CUDA device'
    return None


def moves_to_engine(request: str, mode: str) -> bool:
    """Decide whether the engine runs a program that asks for a GPU.

    If not, one warning is logged.

    Parameters
    ----------
    request : str
        How the program asks, for the warning.
    mode : str
        Name of the mode that the program asks for.

    Returns
    -------
    bool
        True if there is a CUDA device, unless the mode is one of Theano's
        that are not made to be fast.
    """
    reason = missing_cuda()
    if reason is None and mode.upper() not in _FASTEST:
        reason = f"mode={mode} is one of Theano's own, for the CPU"
    if reason is None:
        logger.info('%s: the PyTorch engine computes on CUDA.', request)
        return True
    logger.warning(
        "%s: Theano's own GPU code requires pygpu, which can no longer be "
        'installed, and %s. The program runs on the CPU; "python -m kneerepro '
        'doctor" tells what a GPU needs.',
        request,
        reason,
    )
    return False


def use(device: str, *args: Any, **kwargs: Any) -> None:
    """Compute on a GPU from now on, as ``theano.sandbox.cuda.use`` did.

    The functions that are compiled afterwards run in the PyTorch engine,
    unless the program has chosen another mode.

    Parameters
    ----------
    device : str
        Such as 'gpu', 'gpu0' or 'cuda0'. The number is not used; which device
        PyTorch takes can be chosen by ``CUDA_VISIBLE_DEVICES``.
    *args, **kwargs
        Not used. They chose what Theano moved to the GPU.
    """
    import theano

    mode = theano.config.mode
    # A mode that is not a name is the engine's already, or the program's.
    if (
        is_gpu(device)
        and isinstance(mode, str)
        and moves_to_engine(f'use({device!r})', mode)
    ):
        importlib.import_module(engine)
        theano.config.mode = theano.compile.mode.predefined_modes['TORCH']


#: Programs look here for the number of Theano's GPU.
use.device_number = None  # type: ignore[attr-defined]


def is_gpu(device: str) -> bool:
    """Whether a device of Theano's, such as 'gpu0' or 'cuda', is a GPU."""
    return device.lower().startswith(('gpu', 'cuda', 'opencl'))


def patch_gpuarray(gpuarray: types.ModuleType) -> None:
    """Replace what does not work in ``theano.gpuarray`` without pygpu.

    Theano imports it without pygpu as well, so that programs can look whether
    it works, but most of its functions then raise errors.

    Parameters
    ----------
    gpuarray : module
        ``theano.gpuarray``, of which ``use``, and functions of ``basic_ops``
        and ``dnn``, are replaced.
    """
    if has_pygpu():
        return
    from kneerepro.compat import cuda_ops, cudnn

    gpuarray.use = use  # type: ignore[attr-defined]
    for module, source in [
        (gpuarray.basic_ops, cuda_ops),
        (gpuarray.dnn, cudnn),
    ]:
        for name in source.__all__:
            if hasattr(module, name):
                setattr(module, name, getattr(source, name))
