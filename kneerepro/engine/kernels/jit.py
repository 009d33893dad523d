"""Elementwise operations in C++, for CUDA.

PyTorch compiles each of them with CUDA's runtime compiler, which it ships,
when it is called for the first time with numbers of a type.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence

import torch
from theano.gof.utils import MethodNotDefined
from theano.scalar import Composite, ScalarOp, get_scalar_type
from torch.cuda import jiterator

#: The number of inputs that PyTorch's compiler accepts.
MAX_INPUTS = 8


class Jitted:
    """A compiled operation that reads and writes memory once, where several
    operations of PyTorch's would do so several times.

    Parameters
    ----------
    code : str
        A function template with one type parameter, which takes one element of
        each input. With several outputs it returns nothing, and its last
        parameters are references to the outputs.
    fallback : callable
        Does the same with PyTorch's operations, on tensors on any device.
    outputs : int
        The number of outputs.
    """

    #: As :func:`kneerepro.engine.dispatch.takes_out` marks functions.
    takes_out = True

    def __init__(
        self, code: str, fallback: Callable, outputs: int = 1
    ) -> None:
        self.code, self._fallback = code, fallback
        self._function: Callable | None = (
            jiterator._create_jit_fn(code)
            if outputs == 1
            else jiterator._create_multi_output_jit_fn(code, outputs)
        )

    def __call__(
        self, *tensors: torch.Tensor, out: torch.Tensor | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The result, or a tuple of results.

        Parameters
        ----------
        *tensors : tensor
            All of one type; they are broadcast.
        out : tensor, optional
            Ignored: the results are always new tensors.
        """
        if self._function is not None and tensors[0].is_cuda:
            try:
                return self._function(*tensors)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._function = None
                warnings.warn(
                    'PyTorch could not compile a fused elementwise operation '
                    'for CUDA. It is carried out as several operations from '
                    'now on, which is slower but gives the same results. '
                    f"The compiler's message: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )
        return self._fallback(*tensors)


def code_of(op: ScalarOp, dtypes: Sequence[str]) -> str | None:
    """The C++ code of a scalar Op, made from Theano's C code for it.

    Parameters
    ----------
    op : theano.scalar.ScalarOp
    dtypes : sequence of str
        The types of its inputs.

    Returns
    -------
    str or None
        What :class:`Jitted` takes. None if Theano has no such code, if there
        are more than :data:`MAX_INPUTS` inputs or several outputs, or if the
        numbers are not all float32 or all float64.
    """
    inputs = [get_scalar_type(dtype)() for dtype in dtypes]
    node = op.make_node(*inputs)
    inner = op.fgraph.variables if isinstance(op, Composite) else ()
    kinds = {variable.dtype for variable in (*inputs, *node.outputs, *inner)}
    if (
        len(inputs) > MAX_INPUTS
        or len(node.outputs) > 1
        or kinds not in ({'float32'}, {'float64'})
    ):
        return None
    names = [f'x{i}' for i in range(len(inputs))]
    try:
        code = op.c_code(node, 'fused', names, ['result'], {'fail': ''})
    except (MethodNotDefined, NotImplementedError):
        return None
    with contextlib.suppress(MethodNotDefined):
        if op.c_support_code():
            return None
    arguments = ', '.join('T ' + name for name in names)
    return (
        f'template <typename T> T fused({arguments}) {{\n'
        'using npy_float32 = float;\nusing npy_float64 = double;\n'
        f'T result;\n{code}\nreturn result;\n}}'
    )
