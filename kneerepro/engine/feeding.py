"""Minibatches for functions on a device: kept there, or brought ahead of
time.
"""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch


class DeviceArray:
    """An array that lies on a device as a whole.

    Parameters
    ----------
    array : array, or anything with slices like one
    device : str or torch.device

    Notes
    -----
    Indices as of an array, a list or array of integers among them, give
    tensors on the device, which compiled functions take for inputs as they
    are.
    """

    def __init__(self, array, device):
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


def prefetch(batches, device):
    """Take minibatches from an iterator one ahead, in a thread.

    So the next one is read, and copied to the device, while the last is
    being trained on.

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
        # What lies on the device already is put together there.
        with torch.cuda.stream(stream):
            batch = next(batches, None)
            if batch is None or isinstance(batch, torch.Tensor):
                return batch
            # Only a copy from pinned memory goes on beside everything else.
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
                # Its memory is not for others before that is done with it.
                batch.record_stream(torch.cuda.current_stream(device))
            coming = executor.submit(take)
            yield batch


@functools.cache
def _stream_on(index):
    """The stream for copies to a CUDA device: one for all epochs, since
    PyTorch has but 32, which it hands out in turn; after so many, copies would
    come to the stream on which functions are recorded.
    """
    return torch.cuda.Stream(index)
