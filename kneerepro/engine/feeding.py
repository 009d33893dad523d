"""Minibatches for functions on a device: kept there, or fetched ahead of
time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch


class DeviceArray:
    """An array that is kept as a whole on a device.

    Parameters
    ----------
    array : array, or anything that can be sliced like one
    device : str or torch.device

    Notes
    -----
    It is indexed like an array, also by lists and arrays of integers. The
    result is a tensor on the device, which compiled functions accept as it is.
    """

    def __init__(self, array: Any, device: str | torch.device):
        self._tensor = torch.from_numpy(np.ascontiguousarray(array[:])).to(
            device
        )
        self.shape = tuple(self._tensor.shape)

    def __len__(self):
        return len(self._tensor)

    def __getitem__(self, index):
        if isinstance(index, (list, np.ndarray)):
            index = torch.as_tensor(np.asarray(index)).to(
                self._tensor.device, non_blocking=True
            )
        return self._tensor[index]


def prefetch(batches: Iterable, device: str | torch.device) -> Iterator:
    """Fetch minibatches from an iterator one ahead, in a thread.

    While the caller trains on one minibatch, the next one is read and copied
    to the device.

    Parameters
    ----------
    batches : iterable of array, or of tensor on the device
    device : str or torch.device

    Yields
    ------
    array, or tensor on the device if that is not the CPU
    """
    device = torch.device(device)
    stream = None
    if device.type == 'cuda':
        stream = _stream_on(
            torch.cuda.current_device()
            if device.index is None
            else device.index
        )
    batches = iter(batches)

    def take():
        if stream is None:
            return next(batches, None)
        # A minibatch from a DeviceArray is gathered on the device, on this
        # stream.
        with torch.cuda.stream(stream):
            batch = next(batches, None)
            if batch is None or isinstance(batch, torch.Tensor):
                return batch
            # Only copies from pinned memory run beside other work.
            pinned = torch.from_numpy(np.ascontiguousarray(batch)).pin_memory()
            return pinned.to(device, non_blocking=True)

    with ThreadPoolExecutor(1) as executor:
        coming = executor.submit(take)
        while True:
            batch = coming.result()
            if batch is None:
                return
            if stream is not None:
                torch.cuda.current_stream(device).wait_stream(stream)
                # The allocator must not reuse the memory before the current
                # stream is done with it.
                batch.record_stream(torch.cuda.current_stream(device))
            coming = executor.submit(take)
            yield batch


@functools.cache
def _stream_on(index: int) -> torch.cuda.Stream:
    """The stream for copies to a CUDA device, the same in all epochs.

    PyTorch has only 32 streams and hands them out in turn. With a new one for
    each epoch, the copies would sooner or later run on the stream on which
    functions are recorded.
    """
    return torch.cuda.Stream(index)
