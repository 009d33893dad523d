"""Selection of Theano's optimisations and of the engine's rewrites."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from theano.compile import optdb
from theano.configparser import change_flags
from theano.gof import FunctionGraph, Query
from theano.gof.opt import Optimizer

from . import threads
from .graph_cache import optimise_cached
from .user_lines import UserLines

#: The tag of the engine's rewrites in Theano's ``optdb``.
TAG = 'torch'
#: The second tags of rewrites that are for the CPU only, or for CUDA only.
CPU_TAG, CUDA_TAG = 'torch_cpu', 'torch_cuda'
#: The tag of rewrites for which the CPU has kernels only where there is a
#: compiler.
COMPILED_TAG = 'torch_compiled'
#: The tag of the rewrites for the precision ``bf16``.
BF16_TAG = 'torch_bf16'

# Optimisations that serve Theano's own C code are excluded: fused and in-place
# operations, calls of BLAS, and convolutions as matrix products. The greedy
# distributor is excluded too. It takes an eighth of the compile time and saves
# hardly any operations; a GAN's generator has a tenth fewer without it.
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


def query_for(device: torch.device, precision: str = 'float32') -> Query:
    """The query of Theano's ``optdb`` for a device and a precision.

    Parameters
    ----------
    device : torch.device
    precision : {'float32', 'bf16'}
    """
    query = Query(include=['fast_run', TAG], exclude=_EXCLUDED)
    if precision == 'bf16':
        query = query.including(BF16_TAG)
    if device.type != 'cpu':
        return query.excluding(CPU_TAG)
    if not threads.are_available():
        query = query.excluding(COMPILED_TAG)
    return query.excluding(CUDA_TAG)


class WithoutCompiler(Optimizer):
    """Runs an optimiser, or takes what it would return from the cache.

    Theano may not compile C code meanwhile, as it would to compute constants.

    Parameters
    ----------
    optimizer : theano.gof.opt.Optimizer
    """

    def __init__(self, optimizer: Optimizer):
        self._optimizer = optimizer

    def optimize(self, fgraph: FunctionGraph) -> Any:
        """Optimise a graph in place."""
        # Looking up the lines of source that call the optimiser takes time,
        # and they say nothing about the user's program.
        flags = {'cxx': '', 'traceback.limit': 0}
        lines = UserLines()
        fgraph.attach_feature(lines)
        try:
            with change_flags(**flags), _uncollected():
                return optimise_cached(fgraph, self._optimizer)
        finally:
            fgraph.remove_feature(lines)

    __call__ = optimize


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Leave cyclic garbage in memory for a while.

    An optimiser makes so many objects, of which few are garbage, that looking
    for garbage takes a tenth of its time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def optimise(
    fgraph: FunctionGraph, device: torch.device, excluding: Sequence[str] = ()
) -> None:
    """Optimise a graph in place, as a mode for the device would.

    Parameters
    ----------
    fgraph : theano.gof.FunctionGraph
    device : torch.device
    excluding : list of str
        The tags or names of rewrites to leave out.
    """
    query = query_for(device).excluding(*excluding)
    WithoutCompiler(optdb.query(query)).optimize(fgraph)
