"""Count what the training steps of several processes compute and send.

Nothing is sent: the other processes are only made up. The graphs are those
that are compiled for CUDA, and are run on the CPU with two and with one
example, from which the numbers for any other follow.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import check_environment  # noqa: F401, says what to run

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import numpy as np
import theano
import torch
from lasagne.layers import Layer, get_all_params
from network_sizes import DEPTHS
from theano.compile.mode import Mode
from theano.gof import Apply
from theano.tensor import Dot
from thesis_networks import compile_networks

from kneerepro import config
from kneerepro.engine import TorchLinker, processes, torch_mode
from kneerepro.engine.distributed import StartAllReduce
from kneerepro.engine.kernels import collectives
from kneerepro.engine.kernels.conv import FORWARD, GRAD_INPUTS, GRAD_WEIGHTS
from kneerepro.engine.overlap import Dependencies
from kneerepro.engine.values import storage_address
from kneerepro.registry import EXPERIMENTS

_MINIBATCH = 4
# So many processes have so many examples each of a minibatch.
_PROCESSES = {1: 4, 2: 2}


@dataclass(frozen=True)
class Counts:
    """What a function computes and sends in one call.

    Attributes
    ----------
    name : str
        The network that it trains; '' if it trains all.
    flops, moved : array, shape (2, operations)
        For one example and for two, of each operation: the floating-point
        operations of convolutions and matrix products, and the bytes that are
        read and written.
    waited, last : tuple of int
        The bytes of each sum over the processes whose result other sums wait
        for, and of each of the others.
    least : int
        The bytes of all gradients.
    """

    name: str
    flops: np.ndarray
    moved: np.ndarray
    waited: tuple[int, ...]
    last: tuple[int, ...]
    least: int

    def of_examples(self, count: float) -> tuple[np.ndarray, np.ndarray]:
        """`flops` and `moved` for a number of examples, in which they are
        linear.
        """
        return tuple(
            first + (count - 1) * (second - first)
            for first, second in (self.flops, self.moved)
        )


def count(network: str, width: float = 1) -> list[Counts]:
    """Count what a training step of a network computes and sends.

    Parameters
    ----------
    network : str
        One of the thesis's.
    width : float
        Factor on every number of filters; 1 is the thesis.

    Returns
    -------
    list of Counts
        One for each function that makes a step.
    """
    parameters = config.read_preset('thesis', network)
    parameters.update(width=width, batch_size=_MINIBATCH)
    depth = DEPTHS.get(network)
    with _first_of(_PROCESSES[2], []):
        pair, functions = compile_networks(
            network,
            parameters,
            (depth or 1, 64, 64),
            Mode(TorchLinker('cpu'), torch_mode('cuda').provided_optimizer),
        )
    shape = (64, 64) if depth is None else (depth, 64, 64)
    x = np.full((_MINIBATCH, 1, *shape), 0.5, 'float32')
    if EXPERIMENTS[network].autoencoder:
        return [_counts('', pair, functions.train, [x])]
    generator, adversary = EXPERIMENTS[network].networks
    return [
        _counts(
            adversary, pair[1], getattr(functions, f'train_{adversary}'), [x]
        ),
        _counts(generator, pair[0], functions.train_generator, []),
    ]


def _counts(
    name: str,
    trained: Layer | tuple[Layer, ...],
    function: Any,
    arguments: list[np.ndarray],
) -> Counts:
    order = function.fn.program.scope.order
    sums: list[int] = []
    flops, moved = np.zeros((2, 2, len(order)))
    with _watched(function.fn.program.scope) as watcher:
        for examples, size in _PROCESSES.items():
            watcher.flops = flops[examples - 1]
            watcher.moved = moved[examples - 1]
            sums.clear()
            with _first_of(size, sums):
                function(*arguments)
    starts = [node for node in order if isinstance(node.op, StartAllReduce)]
    last = Dependencies(function.maker.fgraph, order, StartAllReduce).last
    kept = moved.any(0)
    return Counts(
        name=name,
        flops=flops[:, kept],
        moved=moved[:, kept],
        waited=tuple(n for x, n in zip(starts, sums) if x not in last),
        last=tuple(n for x, n in zip(starts, sums) if x in last),
        least=sum(
            param.get_value(borrow=True).nbytes
            for param in get_all_params(trained, trainable=True)
        ),
    )


@contextlib.contextmanager
def _first_of(size: int, sums: list[int]) -> Iterator[None]:
    """A context in which this process is the first of several, and the bytes
    of each sum are added to a list.
    """

    def all_reduce(numbers, async_op):
        sums.append(numbers.nbytes)
        return mock.Mock()

    with (
        mock.patch.object(processes, 'size', return_value=size),
        mock.patch.object(processes, 'all_equal', return_value=True),
        mock.patch.object(collectives.dist, 'all_reduce', all_reduce),
    ):
        yield


class _Watcher:
    """Notes what the operations of a function do.

    Attributes
    ----------
    flops, moved : array, shape (operations,)
        Where it notes this.
    """

    flops: np.ndarray
    moved: np.ndarray

    def watch(
        self, i: int, node: Apply, function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """A function that does the same, and is watched."""

        def watched(*arguments, **options):
            given = _tensors(arguments)
            results = function(*arguments, **options)
            made = _tensors(results if type(results) is tuple else [results])
            if _overwrites(node, options) or not _are_views(made, given):
                self.moved[i] = sum(tensor.nbytes for tensor in given + made)
                self.flops[i] = flops_of(node.op, given, made)
            return results

        return watched


@contextlib.contextmanager
def _watched(scope: Any) -> Iterator[_Watcher]:
    """A context in which the operations of a function are watched."""
    watcher, watched = _Watcher(), {}
    for i, node in enumerate(scope.order):
        if not scope.is_host_node(node):
            name, kernel = scope.kernel(node)
            watched[name] = watcher.watch(i, node, kernel.function)
    with mock.patch.dict(scope.globals, watched):
        yield watcher


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in values if isinstance(value, torch.Tensor)]


def _overwrites(node: Apply, options: dict[str, Any]) -> bool:
    return 'out' in options or bool(getattr(node.op, 'destroy_map', None))


def _are_views(made: list[torch.Tensor], given: list[torch.Tensor]) -> bool:
    """Whether tensors are in the memory of others. If there are none, an
    operation has only read.
    """
    addresses = set(map(storage_address, given))
    return bool(made) and addresses.issuperset(map(storage_address, made))


def flops_of(
    op: theano.Op, given: list[torch.Tensor], made: list[torch.Tensor]
) -> float:
    """The floating-point operations of a convolution, one of its gradients,
    or a matrix product; 0 for others. A multiplication with its addition
    counts as two.
    """
    op = getattr(op, 'convolution', op)
    if isinstance(op, FORWARD):
        # The elements of the smaller images, times those of a filter.
        return 2 * made[0].numel() * math.prod(given[1].shape[1:])
    if isinstance(op, GRAD_INPUTS):
        return 2 * given[1].numel() * math.prod(given[0].shape[1:])
    if isinstance(op, GRAD_WEIGHTS):
        return 2 * given[1].numel() * math.prod(made[0].shape[1:])
    if isinstance(op, Dot):
        return 2 * made[0].numel() * given[0].shape[-1]
    return 0
