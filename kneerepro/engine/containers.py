"""Cells of functions and shared variables whose values stay on a device.

Theano keeps the value of each input of a function, and of each shared
variable, in a cell that a ``Container`` guards. On devices other than the CPU
the cells hold tensors from the first call on. Reading a value through its
container gives a NumPy array.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable
from typing import Any

import theano
import torch
from theano.compile.sharedvalue import SharedVariable, shared_constructor
from theano.gof.link import Container
from theano.tensor import TensorType
from theano.tensor.sharedvar import TensorSharedVariable

from .values import Resident, to_host


class DeviceType(TensorType):
    """A ``TensorType`` whose values may also be tensors on a device."""

    def filter(
        self,
        data: Any,
        strict: bool = False,
        allow_downcast: bool | None = None,
    ) -> Any:
        """Check a value; a tensor becomes a :class:`Resident`.

        Raises
        ------
        TypeError
            If a tensor has another type or broadcast pattern.
        """
        given = data
        if isinstance(data, Resident):
            data = data.tensor
        if not isinstance(data, torch.Tensor):
            return super().filter(data, strict, allow_downcast)
        dtype = str(data.dtype).replace('torch.', '')
        if (
            dtype != self.dtype
            or data.ndim != self.ndim
            or any(
                broadcastable and size != 1
                for broadcastable, size in zip(self.broadcastable, data.shape)
            )
        ):
            raise TypeError(
                f'expected {self.dtype} with the broadcast '
                f'pattern {self.broadcastable}, got a tensor of '
                f'{dtype} with shape {tuple(data.shape)}'
            )
        return given if data is not given else Resident(data.detach())


class DeviceContainer(Container):
    """A container that accepts NumPy arrays and tensors, and returns arrays.

    Reading the value moves it to the host: the caller gets the array itself,
    and the next function that needs the value copies it to the device again.
    So writing into a borrowed array takes effect, as it does on the CPU.

    Attributes
    ----------
    static_buffer : Resident or None
        Where CUDA graphs read and write the value of a shared variable. All
        recordings that use the variable share it.
    """

    static_buffer: Resident | None = None
    type: Any

    def __init__(self, variable, storage, *args, **kwargs):
        super().__init__(variable, storage, *args, **kwargs)
        self.accept_tensors()

    def accept_tensors(self) -> None:
        """Allow tensors as values."""
        if type(self.type) is TensorType:
            self.type = DeviceType(self.type.dtype, self.type.broadcastable)

    def _get(self):
        self.storage[0] = to_host(self.storage[0])
        return self.storage[0]

    def _set(self, value):
        # A value that a function left in place needs no check.
        if value is None or value is not self.storage[0]:
            Container.__set__(self, value)

    data = property(_get, _set)
    value = property(_get, _set)

    def __deepcopy__(self, memo):
        self._get()
        return super().__deepcopy__(memo)

    def __reduce__(self):
        # Pickle it as Theano's own container, which can be read without
        # PyTorch.
        self._get()
        state = dict(self.__dict__)
        state.pop('static_buffer', None)
        if isinstance(self.type, DeviceType):
            state['type'] = TensorType(
                self.type.dtype, self.type.broadcastable
            )
        return copyreg._reconstructor, (Container, object, None), state


def convert_containers(variables: Iterable[theano.Variable]) -> None:
    """Let the shared variables among `variables` hold tensors.

    This works for any shared variable, whichever constructor made it, and
    whether or not this module had been imported by then.
    """
    for variable in variables:
        if isinstance(variable, SharedVariable):
            container = variable.container
            if (
                type(container) is Container
                and type(container.type) is TensorType
            ):
                container.__class__ = DeviceContainer
                container.accept_tensors()


@shared_constructor
def tensor_constructor(
    value: torch.Tensor,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: tuple[bool, ...] | None = None,
    **kwargs: Any,
) -> TensorSharedVariable:
    """``theano.shared`` of a ``torch.Tensor``, which stays on its device.

    Raises
    ------
    TypeError
        If the value is not a tensor, so that ``theano.shared`` tries its other
        constructors.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f'expected a torch.Tensor, got {type(value).__name__}')
    tensor_type = TensorType(
        str(value.dtype).replace('torch.', ''),
        broadcastable or (False,) * value.ndim,
    )
    variable = TensorSharedVariable(
        name=name,
        type=tensor_type,
        value=None,
        strict=None,
        container=DeviceContainer(
            tensor_type,
            [None],
            name=name,
            strict=strict,
            allow_downcast=allow_downcast,
        ),
    )
    variable.container.value = value if borrow else value.clone()
    return variable
