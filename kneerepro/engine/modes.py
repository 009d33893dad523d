"""The modes in which Theano compiles for PyTorch."""

from __future__ import annotations

import torch
from theano.compile.mode import Mode, predefined_modes, register_mode
from theano.gof.opt import Optimizer

from .cuda_graphs import CudaGraphs
from .flags import is_on
from .functions import function_maker
from .linker import TorchLinker
from .optimizer import WithoutCompiler, query_for

#: The precisions in which convolutions and matrix products of float32 are
#: computed.
PRECISIONS = 'float32', 'bf16'


class TorchMode(Mode):
    """A mode that optimises graphs without compiling C code."""

    function_maker = staticmethod(function_maker)

    @property
    def optimizer(self) -> Optimizer:
        """What optimises the graphs."""
        return WithoutCompiler(super().optimizer)


def torch_mode(
    device: str | torch.device = 'auto',
    precision: str = 'float32',
    cuda_graphs: bool | None = None,
    tf32: bool | None = None,
    strict: bool = False,
) -> TorchMode:
    """A mode for ``theano.function``.

    Parameters
    ----------
    device : str
        'cpu', 'cuda', or 'auto' for CUDA if it is available.
    precision : str
        'float32' or 'bf16'. With the latter, convolutions and matrix products
        of float32 are computed from bfloat16 numbers. Everything else is as in
        'float32'.
    cuda_graphs : bool, optional
        Whether functions are recorded and replayed on CUDA. By default they
        are, unless ``THEANO_TORCH_CUDA_GRAPHS=0`` is in the environment.
    tf32 : bool, optional
        Whether CUDA may compute matrix products and convolutions in
        TensorFloat-32, which has only ten bits for the fraction. By default it
        may, unless ``THEANO_TORCH_TF32=0`` is in the environment.
    strict : bool
        Whether to refuse Ops for which the engine has no kernel. By default,
        they run their own Python code on the host, and a warning names them.

    Returns
    -------
    theano.compile.mode.Mode

    Raises
    ------
    ValueError
        If the precision is unknown, or if one of the two variables is in the
        environment with a value other than 0 or 1.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f'unknown precision {precision!r} for torch_mode: use one of '
            + ', '.join(PRECISIONS)
        )
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if cuda_graphs is None:
        cuda_graphs = is_on('THEANO_TORCH_CUDA_GRAPHS')
    if tf32 is None:
        tf32 = is_on('THEANO_TORCH_TF32')
    device, graphs = torch.device(device), None
    if cuda_graphs and device.type == 'cuda':
        graphs = CudaGraphs(device)
    return TorchMode(
        TorchLinker(device, graphs=graphs, tf32=tf32, strict=strict),
        query_for(device, precision),
    )


if 'TORCH' not in predefined_modes:
    register_mode('TORCH', torch_mode())
