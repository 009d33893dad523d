"""Stand-ins for CUDA graphs, for machines without CUDA."""

import contextlib
import weakref

import torch
from theano.compile.mode import Mode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kneerepro.engine import TorchLinker, torch_mode
from kneerepro.engine.breaks import breaking
from kneerepro.engine.modes import TorchMode
from kneerepro.engine.values import storage_address


class FakeCudaGraphs:
    """Replays a function by running it again, and leaves its results in the
    same place. As with CUDA graphs, recording it has no effect on the data.

    Parameters
    ----------
    calls : int
        How often a function runs before it is recorded.

    Attributes
    ----------
    recorded, replayed : int
        The number of recordings, and how often any of them was replayed.
    """

    def __init__(self, calls=0):
        self.calls, self.recorded, self.replayed = calls, 0, 0

    def before_recording(self):
        return contextlib.nullcontext()

    def record(self, function):
        with _Undone():
            found = function()
        outputs = [_overwritten(torch.empty_like(tensor)) for tensor in found]
        self.recorded += 1

        def replay():
            self.replayed += 1
            for output, tensor in zip(outputs, function()):
                output.copy_(tensor)

        return outputs, replay


class ForgetfulCudaGraphs(FakeCudaGraphs):
    """Keeps neither the recorded function nor what it read, like a CUDA graph.
    Replaying does nothing.

    Attributes
    ----------
    read : list of weakref
        The tensors that the function read, except those that it made.
    """

    def __init__(self, calls=0):
        super().__init__(calls)
        self.read = []

    def record(self, function):
        def watched():
            with _Reads() as reads:
                found = function()
            self.read += map(weakref.ref, reads.tensors)
            return found

        outputs, _ = super().record(watched)
        return outputs, lambda: None


class TapedCudaGraphs(FakeCudaGraphs):
    """Keeps what a function does with which tensors, like CUDA graphs.
    Replaying does it again, in the same memory, with the steps in between.

    Attributes
    ----------
    breaks : int
        The number of steps in the recordings.
    """

    breaks = 0

    def record(self, function):
        tape = _Tape()
        with _Undone(), tape, breaking(tape.steps.append):
            outputs = function()
        for tensor in tape.made:
            _overwritten(tensor)
        self.recorded += 1
        self.breaks += len(tape.steps) - tape.operations

        def replay():
            self.replayed += 1
            for step in tape.steps:
                step()

        return outputs, replay


def recording_modes(graphs, device='cpu'):
    """Modes with a recorder: the graph as optimised for CUDA, and as
    written."""
    linker = TorchLinker(device, resident=True, graphs=graphs)
    return [
        TorchMode(linker, torch_mode('cuda').provided_optimizer),
        Mode(linker, None),
    ]


def _overwritten(tensor):
    """Fill a tensor with values that no result has."""
    return tensor.fill_(
        float('nan')
        if tensor.dtype.is_floating_point
        else True
        if tensor.dtype == torch.bool
        else 77
    )


class _Undone(TorchDispatchMode):
    """Restores at its end everything that was overwritten within."""

    def __init__(self):
        super().__init__()
        self._kept = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for argument, value in [
            *zip(function._schema.arguments, args),
            *(
                (argument, kwargs[argument.name])
                for argument in function._schema.arguments
                if argument.name in kwargs
            ),
        ]:
            if argument.alias_info is not None and (
                argument.alias_info.is_write
            ):
                for tensor in (
                    [value] if isinstance(value, torch.Tensor) else value
                ):
                    storage = tensor.untyped_storage()
                    if storage.data_ptr() not in self._kept:
                        self._kept[storage.data_ptr()] = (
                            storage,
                            storage.clone(),
                        )
        return function(*args, **kwargs)

    def __exit__(self, *error):
        super().__exit__(*error)
        for storage, before in self._kept.values():
            storage.copy_(before)


class _Tape(TorchDispatchMode):
    """Keeps the operations that are carried out within.

    Attributes
    ----------
    steps : list of callable
        Each carries out one of them again, or is what somebody else has put
        there.
    operations : int
        The number of operations among them.
    made : list of tensor
        The results that share memory with no argument.
    """

    def __init__(self):
        super().__init__()
        self.steps, self.operations, self.made = [], 0, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        given = set(map(storage_address, _tensors((args, kwargs))))
        results = _tensors(result)
        made = [storage_address(tensor) not in given for tensor in results]
        self.made += [tensor for tensor, new in zip(results, made) if new]

        def again():
            found = _tensors(function(*args, **kwargs))
            for tensor, value, new in zip(results, found, made):
                if new:
                    tensor.copy_(value)

        self.steps.append(again)
        self.operations += 1
        return result


class _Reads(TorchDispatchMode):
    """Finds the tensors that are read and were there before.

    Attributes
    ----------
    tensors : list of tensor
    """

    def __init__(self):
        super().__init__()
        self.tensors, self._seen = [], {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for tensor in _tensors((args, kwargs)):
            if id(tensor) not in self._seen:
                self._seen[id(tensor)] = tensor
                self.tensors.append(tensor)
        result = function(*args, **kwargs)
        # Keeping the tensors makes sure that no other gets the same id.
        self._seen.update((id(tensor), tensor) for tensor in _tensors(result))
        return result


def _tensors(values):
    return [
        value
        for value in tree_leaves(values)
        if isinstance(value, torch.Tensor)
    ]
