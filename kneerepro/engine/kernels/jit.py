"""Elementwise operations in C++, for CUDA.

PyTorch compiles them with CUDA's own compiler, which it brings along, when
they are called for the first time with numbers of a type.
"""

import contextlib
import warnings

import torch
from theano.gof.utils import MethodNotDefined
from theano.scalar import Composite, get_scalar_type
from torch.cuda import jiterator

#: So many inputs, at most, may an operation have.
MOST_INPUTS = 8


class Jitted:
    """An operation of one pass over memory, where it would take several.

    Parameters
    ----------
    code : str
        A function template of one type, for one element of each input; with
        several outputs one that returns nothing, and whose last parameters
        are references to them.
    otherwise : callable
        Does the same to tensors anywhere.
    outputs : int
    """

    #: As :func:`kneerepro.engine.dispatch.takes_out` marks functions.
    takes_out = True

    def __init__(self, code, otherwise, outputs=1):
        self.code, self._otherwise = code, otherwise
        self._function = (
            jiterator._create_jit_fn(code)
            if outputs == 1
            else jiterator._create_multi_output_jit_fn(code, outputs)
        )

    def __call__(self, *tensors, out=None):
        """The result, or a tuple of them, of tensors of one type, which are
        broadcast; new ones in any case.
        """
        if self._function is not None and tensors[0].is_cuda:
            try:
                return self._function(*tensors)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._function = None
                warnings.warn(
                    'PyTorch could not compile an operation for '
                    'CUDA, which is carried out in several now: '
                    f'{error}',
                    RuntimeWarning,
                    stacklevel=2,
                )
        return self._otherwise(*tensors)


def code_of(op, dtypes):
    """The code of a scalar Op, which Theano has in C.

    Parameters
    ----------
    op : theano.scalar.ScalarOp
    dtypes : list of str
        Of its inputs.

    Returns
    -------
    str or None
        As :class:`Jitted` takes it. None if there is no such code, there are
        more inputs than may be, or not all numbers are of one type, a float.
    """
    inputs = [get_scalar_type(dtype)() for dtype in dtypes]
    node = op.make_node(*inputs)
    inner = op.fgraph.variables if isinstance(op, Composite) else ()
    kinds = {variable.dtype for variable in (*inputs, *node.outputs, *inner)}
    if (
        len(inputs) > MOST_INPUTS
        or len(node.outputs) > 1
        or (kinds not in ({'float32'}, {'float64'}))
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
