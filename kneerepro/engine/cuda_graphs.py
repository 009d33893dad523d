"""CUDA graphs: the kernels that a function launches on a device, recorded once
and then launched together.

In a training step of a millisecond or two, launching some hundred kernels one
by one takes the host longer than the kernels take to run. See
https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import warnings
from collections.abc import Callable, Iterator

import torch

from .breaks import breaking


class CudaGraphs:
    """Records functions on a CUDA device.

    Parameters
    ----------
    device : torch.device

    Attributes
    ----------
    calls : int
        How often a function has to run before it is recorded. In the first
        call, libraries load their kernels and cuDNN tries its algorithms.
        PyTorch itself runs functions three times before it makes graphs of
        them.
    """

    calls = 3

    def __init__(self, device: torch.device):
        self._device = device

    def before_recording(self) -> contextlib.AbstractContextManager[None]:
        """A context in which to run a function until it is recorded."""
        return _on_side_stream(_capture_state(self._device))

    def record(
        self, function: Callable[[], list[torch.Tensor]]
    ) -> tuple[list[torch.Tensor], Callable[[], None]]:
        """Record what a function does on the device, without doing it.

        Parameters
        ----------
        function : callable
            Takes nothing and returns a list of tensors. All tensors that it
            reads or writes have to stay at the same address.

        Returns
        -------
        outputs : list of tensor
            Where the results will be. Any other recording on the device may
            overwrite them.
        replay : callable
            Repeats on the current stream what `function` did, and carries out
            the steps that :func:`.breaks.at_each_call` got.

        Raises
        ------
        Exception
            Whatever `function` raises, and whatever PyTorch raises if a part
            of it cannot be recorded. In both cases nothing has been done.
        """
        parts = _Parts(_capture_state(self._device))
        torch.cuda.synchronize(self._device)
        # The recording cannot use memory that is cached for other streams.
        torch.cuda.empty_cache()
        with (
            torch.cuda.stream(parts.state.stream),
            _no_garbage_collection(),
            breaking(parts.break_off),
        ):
            parts.begin()
            try:
                outputs = function()
            except BaseException:
                # The capture has to end in any case. After an error, ending
                # it may fail as well.
                with contextlib.suppress(RuntimeError):
                    parts.end()
                raise
            parts.end()
        return outputs, parts.replay


class _Parts:
    """The CUDA graphs of a function, and the steps between them.

    Parameters
    ----------
    state : _CaptureState

    Attributes
    ----------
    state : _CaptureState
    """

    def __init__(self, state: _CaptureState):
        self.state = state
        self._steps: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Begin a graph."""
        self._graph = torch.cuda.CUDAGraph()
        # Other threads, such as one that prefetches, are neither recorded nor
        # restricted.
        self._graph.capture_begin(
            pool=self.state.pool, capture_error_mode='thread_local'
        )

    def end(self) -> None:
        """End the graph."""
        self.state.end(self._graph)
        self._steps.append(functools.partial(self.state.launch, self._graph))

    def break_off(self, step: Callable[[], None]) -> None:
        """End the graph before a step, and begin another one."""
        self.end()
        self._steps.append(step)
        self.begin()

    def replay(self) -> None:
        """Launch all graphs, with the steps between them."""
        for step in self._steps:
            step()


class _CaptureState:
    """The memory pool and the stream that all recordings on a device share.

    Recordings may share one pool: the results of one are fetched before the
    next one runs, and no two run at the same time. Functions run on the one
    stream until they are recorded, because libraries keep a workspace for each
    stream.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()
        self._last: torch.cuda.Stream | None = None

    def end(self, graph: torch.cuda.CUDAGraph) -> None:
        """End a recording."""
        try:
            with warnings.catch_warnings():
                # Between two steps, there may be nothing to do.
                warnings.filterwarnings('ignore', 'The CUDA Graph is empty')
                graph.capture_end()
        except RuntimeError:
            # PyTorch has not told its allocator that the capture is over, so
            # the allocator would refuse another recording in this pool.
            with contextlib.suppress(Exception):
                torch._C._cuda_endAllocateToPool(self.device.index, self.pool)
            self.pool = torch.cuda.graph_pool_handle()
            raise

    def launch(self, graph: torch.cuda.CUDAGraph) -> None:
        """Run a recording on the current stream."""
        current = torch.cuda.current_stream(self.device)
        if self._last is not None and self._last != current:
            current.wait_stream(self._last)
        self._last = current
        graph.replay()


@functools.cache
def _capture_state_of(index: int) -> _CaptureState:
    with torch.cuda.device(index):
        return _CaptureState(torch.device('cuda', index))


def _capture_state(device: torch.device) -> _CaptureState:
    return _capture_state_of(
        torch.cuda.current_device() if device.index is None else device.index
    )


@contextlib.contextmanager
def _on_side_stream(state: _CaptureState) -> Iterator[None]:
    current = torch.cuda.current_stream(state.device)
    state.stream.wait_stream(current)
    try:
        with torch.cuda.stream(state.stream):
            yield
    finally:
        current.wait_stream(state.stream)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Freeing an old recording while another is made would spoil the new
    one.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Staging:
    """Copies values from the host to one fixed tensor on a device.

    Parameters
    ----------
    target : tensor
        Where the values go.

    Attributes
    ----------
    array : array
        Where the caller puts the values before :meth:`send`.
    """

    def __init__(self, target: torch.Tensor):
        self._target = target
        pinned = target.device.type == 'cuda'
        # The device fetches pinned memory only when it gets to the copy.
        self._source = torch.empty(
            target.shape, dtype=target.dtype, pin_memory=pinned
        )
        self._fetched = torch.cuda.Event() if pinned else None
        self.array = self._source.numpy()

    def wait(self) -> None:
        """Wait until the device has fetched the values sent last."""
        if self._fetched is not None:
            self._fetched.synchronize()

    def send(self) -> None:
        """Copy the values to the device."""
        self._target.copy_(self._source, non_blocking=True)
        if self._fetched is not None:
            self._fetched.record(
                torch.cuda.current_stream(self._target.device)
            )
