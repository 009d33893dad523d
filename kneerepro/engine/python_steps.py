"""Python Ops between the parts of a recording.

A recording cannot contain Python code. It breaks off before an Op that has
nothing else, and goes on after it. At each call, the Op gets copies of its
inputs on the host, and its results are copied to where the next part of the
recording reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from theano.gof import Apply
from theano.tensor import TensorType

from .breaks import at_each_call
from .host import lacks_kernel
from .values import NotCapturableError, to_host, torch_dtype

# Functions are recorded for few shapes, right after they ran with them.
_MOST_SHAPES = 64


def can_break(node: Apply) -> bool:
    """Whether a recording can break off for a node: it lacks a kernel, its
    results are tensors that share no memory with its inputs, and their shapes
    follow from those of the inputs.
    """
    op = node.op
    return (
        lacks_kernel(node)
        and all(isinstance(x.type, TensorType) for x in node.outputs)
        and hasattr(op, 'infer_shape')
        and not getattr(op, 'destroy_map', None)
        and not getattr(op, 'view_map', None)
    )


class PythonStep:
    """What carries out a node, within recordings and without.

    Parameters
    ----------
    node : theano.gof.Apply
        One for which a recording :func:`can_break` off.
    function : callable
        Carries it out on the host.
    device : torch.device
    """

    def __init__(
        self, node: Apply, function: Callable, device: torch.device
    ) -> None:
        self._node, self._function, self._device = node, function, device
        self._shapes: dict[tuple, list[tuple[int, ...]]] = {}

    def on_host(self, *inputs: Any) -> Any:
        """Carry out the node on the host, and remember the shapes."""
        results = self._function(*inputs)
        if len(self._shapes) == _MOST_SHAPES:
            self._shapes.clear()
        self._shapes[_shapes(inputs)] = list(map(np.shape, _listed(results)))
        return results

    def recorded(self, *inputs: Any) -> torch.Tensor | list[torch.Tensor]:
        """Have a recording break off for the node.

        Parameters
        ----------
        *inputs
            Tensors on the device, whose numbers may change from call to call,
            or values on the host, which do not.

        Returns
        -------
        tensor or list of tensor
            Where the results will be.

        Raises
        ------
        NotCapturableError
            If the node has not run with inputs of these shapes, so that the
            shapes of the results are not known.
        """
        shapes = self._shapes.get(_shapes(inputs))
        if shapes is None:
            raise NotCapturableError(
                f'{self._node.op} has not run with these shapes before'
            )
        results = [
            torch.empty(
                shape, dtype=torch_dtype(output.dtype), device=self._device
            )
            for shape, output in zip(shapes, self._node.outputs)
        ]
        at_each_call(lambda: self._carry_out(inputs, results))
        return results if len(results) > 1 else results[0]

    def _carry_out(self, inputs, targets):
        values = [
            to_host(x) if isinstance(x, torch.Tensor) else x for x in inputs
        ]
        for target, value in zip(targets, _listed(self._function(*values))):
            if np.shape(value) != tuple(target.shape):
                raise RuntimeError(
                    f'{self._node.op} returned an array of shape '
                    f'{np.shape(value)}, and one of shape '
                    f'{tuple(target.shape)} when its inputs had the same '
                    'shapes before; remove its infer_shape, which says that '
                    'the shapes follow from each other, or use '
                    'torch_mode(cuda_graphs=False)'
                )
            target.copy_(torch.as_tensor(np.array(value)))


def _shapes(inputs):
    return tuple(tuple(np.shape(x)) for x in inputs)


def _listed(results):
    return results if isinstance(results, tuple) else [results]
