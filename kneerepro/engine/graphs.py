"""CUDA graphs: what a function launches on a device, recorded once and
launched again as a whole.

At a millisecond or two a training step, what the host does to launch some
hundred kernels takes longer than the kernels. See
https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

import contextlib
import functools
import gc

import torch


class CudaGraphs:
    """Records on a CUDA device.

    Parameters
    ----------
    device : torch.device

    Attributes
    ----------
    calls : int
        How often a function is to be run before it is recorded: the first
        time, libraries load their kernels and cuDNN tries its algorithms.
        PyTorch runs as often what it makes graphs of itself.
    """

    calls = 3

    def __init__(self, device):
        self._device = device

    def before_recording(self):
        """A context in which to run a function until it is recorded."""
        return _on_side_stream(_place(self._device))

    def record(self, function):
        """Record what a function does on the device, without doing it.

        Parameters
        ----------
        function : callable
            Takes nothing, returns a list of tensors. Tensors that it reads,
            or writes to, have to stay where they are.

        Returns
        -------
        outputs : list of tensor
            Where the results will lie. Any other recording on the device may
            overwrite them.
        replay : callable
            Does on the current stream what `function` did.

        Raises
        ------
        Exception
            What `function` raises, and whatever PyTorch does if a part of it
            cannot be recorded. Nothing has been done then.
        """
        place = _place(self._device)
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize(self._device)
        # What is kept for other streams is of no use to the recording.
        torch.cuda.empty_cache()
        with torch.cuda.stream(place.stream), _no_garbage_collection():
            # Of other threads, such as one that prefetches, nothing is
            # recorded, and nothing refused.
            graph.capture_begin(
                pool=place.pool, capture_error_mode='thread_local'
            )
            try:
                outputs = function()
            except BaseException:
                # It has to end in any case, and may fail to by then.
                with contextlib.suppress(RuntimeError):
                    place.end(graph)
                raise
            place.end(graph)
        return outputs, functools.partial(place.launch, graph)


class _Place:
    """What the recordings on a device share.

    One pool of memory: results are fetched before the next recording runs,
    and one is not run beside another, so that all may compute in the same
    memory. And a stream, on which functions run until they are recorded,
    since libraries keep workspaces for each stream.
    """

    def __init__(self, device):
        self.device = device
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()
        self._last = None

    def end(self, graph):
        """End a recording."""
        try:
            graph.capture_end()
        except RuntimeError:
            # PyTorch has not told its allocator, which would refuse to begin
            # another recording in this pool.
            with contextlib.suppress(Exception):
                torch._C._cuda_endAllocateToPool(self.device.index, self.pool)
            self.pool = torch.cuda.graph_pool_handle()
            raise

    def launch(self, graph):
        current = torch.cuda.current_stream(self.device)
        if self._last is not None and self._last != current:
            current.wait_stream(self._last)
        self._last = current
        graph.replay()


@functools.cache
def _place_of(index):
    with torch.cuda.device(index):
        return _Place(torch.device('cuda', index))


def _place(device):
    return _place_of(
        torch.cuda.current_device() if device.index is None else device.index
    )


@contextlib.contextmanager
def _on_side_stream(place):
    current = torch.cuda.current_stream(place.device)
    place.stream.wait_stream(current)
    try:
        with torch.cuda.stream(place.stream):
            yield
    finally:
        current.wait_stream(place.stream)


@contextlib.contextmanager
def _no_garbage_collection():
    """An old recording that is freed while another is made would spoil it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Staging:
    """Takes values from the host to one place on a device.

    Parameters
    ----------
    target : tensor
        Where they are to lie.

    Attributes
    ----------
    array : array
        Where to put them.
    """

    def __init__(self, target):
        self._target = target
        pinned = target.device.type == 'cuda'
        # What is pinned is fetched by the device when it comes to it.
        self._source = torch.empty(
            target.shape, dtype=target.dtype, pin_memory=pinned
        )
        self._fetched = torch.cuda.Event() if pinned else None
        self.array = self._source.numpy()

    def wait(self):
        """Wait until what was sent last is there."""
        if self._fetched is not None:
            self._fetched.synchronize()

    def send(self):
        """Copy the values to the device."""
        self._target.copy_(self._source, non_blocking=True)
        if self._fetched is not None:
            self._fetched.record(
                torch.cuda.current_stream(self._target.device)
            )
