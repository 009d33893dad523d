"""The modes with which Theano compiles for PyTorch."""

import os

import torch
from theano.compile.mode import Mode, predefined_modes, register_mode
from theano.configparser import change_flags
from theano.gof import Query
from theano.gof.opt import Optimizer

from .fused import BF16_TAG, CPU_TAG, CUDA_TAG, TAG
from .graphs import CudaGraphs
from .linker import TorchLinker

# What is made for Theano's own C code: fused and in-place operations, calls
# of BLAS, and convolutions as matrix products. And the greedy distributor,
# which takes an eighth of a compilation and saves hardly an operation: without
# it, a GAN's generator has a tenth fewer.
_EXCLUDED = [
    'inplace',
    'fusion',
    'BlasOpt',
    'conv_gemm',
    'conv_dnn',
    'local_conv2d_cpu',
    'local_conv2d_gradweight_cpu',
    'local_conv2d_gradinputs_cpu',
    'AbstractConvCheck',
    'add_destroy_handler',
    'c_blas',
    'cxx_only',
    'local_greedy_distributor',
]
OPTIMIZER = Query(include=['fast_run', TAG], exclude=_EXCLUDED)

#: What convolutions and products of matrices of float32 are computed in.
PRECISIONS = 'float32', 'bf16'


class TorchMode(Mode):
    """Optimises graphs without compiling C code on the way, which Theano
    would do to compute constants.
    """

    @property
    def optimizer(self):
        return _WithoutCompiler(super().optimizer)


class _WithoutCompiler(Optimizer):
    def __init__(self, optimizer):
        self._optimizer = optimizer

    def optimize(self, fgraph, *args, **kwargs):
        with change_flags(cxx=''):
            return self._optimizer.optimize(fgraph, *args, **kwargs)

    __call__ = optimize


def torch_mode(
    device='auto', precision='float32', cuda_graphs=None, tf32=None
):
    """A mode for ``theano.function``.

    Parameters
    ----------
    device : str
        'cpu', 'cuda', or 'auto' for CUDA where there is some.
    precision : str
        'float32' or 'bf16'. With the latter, convolutions and products of
        matrices of float32 are carried out on bfloat16 numbers; all else is
        as in 'float32'.
    cuda_graphs : bool, optional
        Whether, on CUDA, functions are recorded and replayed. By default yes,
        unless ``THEANO_TORCH_CUDA_GRAPHS=0`` is in the environment.
    tf32 : bool, optional
        Whether CUDA may multiply matrices and convolve in TensorFloat-32,
        which takes but ten bits of a fraction. By default yes, unless
        ``THEANO_TORCH_TF32=0`` is in the environment.

    Returns
    -------
    theano.compile.mode.Mode

    Raises
    ------
    ValueError
        For another precision, or if one of these is in the environment and
        neither 0 nor 1.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f'no precision {precision!r}: there are ' + ', '.join(PRECISIONS)
        )
    optimizer = (
        OPTIMIZER.including(BF16_TAG) if precision == 'bf16' else OPTIMIZER
    )
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if cuda_graphs is None:
        cuda_graphs = _is_on('THEANO_TORCH_CUDA_GRAPHS')
    if tf32 is None:
        tf32 = _is_on('THEANO_TORCH_TF32')
    device, graphs = torch.device(device), None
    optimizer = optimizer.excluding(
        CUDA_TAG if device.type == 'cpu' else CPU_TAG
    )
    if cuda_graphs and device.type == 'cuda':
        graphs = CudaGraphs(device)
    return TorchMode(TorchLinker(device, graphs=graphs, tf32=tf32), optimizer)


def _is_on(name):
    value = os.environ.get(name, '1')
    if value not in ('0', '1'):
        raise ValueError(
            f'{name} in the environment is {value!r}: it has to be 0 or 1'
        )
    return value == '1'


if 'TORCH' not in predefined_modes:
    register_mode('TORCH', torch_mode())
