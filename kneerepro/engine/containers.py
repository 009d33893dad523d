"""Where functions and shared variables keep values that stay on a device.

Theano keeps the value of each input of a function, and of each shared
variable, in a cell that a ``Container`` guards. On a device other than the
CPU, the cells hold tensors from the first call on; what asks for them through
a container gets NumPy arrays.
"""

import copyreg

import torch
from theano.compile.sharedvalue import SharedVariable, shared_constructor
from theano.gof.link import Container
from theano.tensor import TensorType
from theano.tensor.sharedvar import TensorSharedVariable

from .values import Resident, to_host


class DeviceType(TensorType):
    """A ``TensorType`` whose values may be tensors on a device as well."""

    def filter(self, data, strict=False, allow_downcast=None):
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
                known and size != 1
                for known, size in zip(self.broadcastable, data.shape)
            )
        ):
            raise TypeError(
                f'expected {self.dtype} with the broadcast '
                f'pattern {self.broadcastable}, got a tensor of '
                f'{dtype} with shape {tuple(data.shape)}'
            )
        return given if data is not given else Resident(data.detach())


class DeviceContainer(Container):
    """A container that takes NumPy arrays and tensors, and gives arrays.

    Whoever asks for the value gets the array itself, and the next function
    that needs it takes it to the device again: so what is written into an
    array that was borrowed counts, as on the CPU.

    Attributes
    ----------
    home : Resident or None
        Where CUDA graphs read the value of a shared variable and write it to.
    """

    home = None

    def __init__(self, variable, storage, *args, **kwargs):
        super().__init__(variable, storage, *args, **kwargs)
        self._take_tensors()

    def _take_tensors(self):
        if type(self.type) is TensorType:
            self.type = DeviceType(self.type.dtype, self.type.broadcastable)

    def _get(self):
        self.storage[0] = to_host(self.storage[0])
        return self.storage[0]

    def _set(self, value):
        # What a function leaves where it was needs no check.
        if value is None or value is not self.storage[0]:
            Container.__set__(self, value)

    data = property(_get, _set)
    value = property(_get, _set)

    def __deepcopy__(self, memo):
        self._get()
        return super().__deepcopy__(memo)

    def __reduce__(self):
        # Pickled as Theano's own, which needs no PyTorch to be read.
        self._get()
        state = dict(self.__dict__)
        state.pop('home', None)
        if isinstance(self.type, DeviceType):
            state['type'] = TensorType(
                self.type.dtype, self.type.broadcastable
            )
        return copyreg._reconstructor, (Container, object, None), state


def adopt(variables):
    """Let the shared variables among `variables` hold tensors.

    Their containers are the ones they were created with, by whatever means
    and before or after this module was imported.
    """
    for variable in variables:
        if isinstance(variable, SharedVariable):
            container = variable.container
            if (
                type(container) is Container
                and type(container.type) is TensorType
            ):
                container.__class__ = DeviceContainer
                container._take_tensors()


@shared_constructor
def tensor_constructor(
    value,
    name=None,
    strict=False,
    allow_downcast=None,
    borrow=False,
    broadcastable=None,
    **kwargs,
):
    """``theano.shared`` of a ``torch.Tensor``, which stays where it is."""
    if not isinstance(value, torch.Tensor):
        raise TypeError('not a tensor')
    kind = TensorType(
        str(value.dtype).replace('torch.', ''),
        broadcastable or (False,) * value.ndim,
    )
    variable = TensorSharedVariable(
        name=name,
        type=kind,
        value=None,
        strict=None,
        container=DeviceContainer(
            kind,
            [None],
            name=name,
            strict=strict,
            allow_downcast=allow_downcast,
        ),
    )
    variable.container.value = value if borrow else value.clone()
    return variable
