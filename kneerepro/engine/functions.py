"""Compiled functions whose plain calls take few steps."""

from __future__ import annotations

import copyreg
import functools
import time
from typing import Any

import numpy as np
from theano.compile import profiling
from theano.compile.function_module import (
    Function,
    FunctionMaker,
    _pickle_Function,
)
from theano.tensor import TensorType

from .containers import DeviceType


class TorchFunction(Function):
    """A compiled function.

    In each call, Theano visits all inputs, shared variables included, half a
    dozen times; that takes longer than a small graph. If every argument is an
    array that needs no conversion, the same is done here in one pass. All
    other calls go Theano's way, so that results and errors are the same.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._arguments = self._plain_arguments()
        # The cells to empty after a call.
        self._cleared = [cell for cell, _, _ in self._arguments or ()] + [
            container.storage
            for container, variable in zip(
                self.output_storage, self.maker.fgraph.outputs
            )
            if variable.owner is not None
        ]

    def _plain_arguments(self) -> list[tuple[list, np.dtype, int]] | None:
        """The cell, type and number of dimensions of each argument; None if
        no call is plain.
        """
        required = [c for c in self.input_storage if c.required]
        if (
            required != self.input_storage[: len(required)]
            or any(refeed for _, refeed, _ in self.defaults)
            or self._check_for_aliased_inputs
            or self.output_keys is not None
            or getattr(self.fn, 'need_update_inputs', True)
            or not getattr(self.fn, 'allow_gc', False)
            or any(
                container.implicit
                or type(container.type) not in (TensorType, DeviceType)
                or container.type.filter_checks_isfinite
                or any(container.type.broadcastable)
                for container in required
            )
        ):
            return None
        return [
            (c.storage, np.dtype(c.type.dtype), c.type.ndim) for c in required
        ]

    def _accept(self, values: tuple) -> bool:
        """Store the arguments if all can be taken as they are.

        If one cannot, Theano stores all of them again.
        """
        arguments = self._arguments
        if (
            arguments is None
            or len(values) != len(arguments)
            or self.trust_input
            or self.profile
        ):
            return False
        for value, (cell, dtype, ndim) in zip(values, arguments):
            if (
                type(value) is not np.ndarray
                or value.dtype is not dtype
                or value.ndim != ndim
                or not value.flags.aligned
            ):
                return False
            cell[0] = value
        return True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; see Theano's ``Function``."""
        if kwargs or not self._accept(args):
            return super().__call__(*args, **kwargs)
        start = time.time()
        outputs = self.fn()
        for cell in self._cleared:
            cell[0] = None
        seconds = time.time() - start
        mode = self.maker.mode
        mode.fn_time += seconds
        mode.call_time += seconds
        profiling.total_fct_exec_time += seconds
        if self.return_none:
            return None
        if self.unpack_single and self.n_returned_outputs == 1:
            return outputs[0]
        return outputs[: self.n_returned_outputs]


copyreg.pickle(TorchFunction, _pickle_Function)

#: Makes the functions; Theano calls it with what it gives a ``FunctionMaker``.
function_maker = functools.partial(
    FunctionMaker, function_builder=TorchFunction
)
