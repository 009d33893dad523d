"""See one dataset as the thesis's 5-D or 4-D array, without copying it."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np


class View:
    """Examples of a dataset, on disk or in memory, that slice like an array.

    Parameters
    ----------
    volumes : h5py.Dataset or array, shape (n, 1, depth, rows, columns)
        float32.
    patient : array of str, shape (n,)
        The person whom each volume shows.
    certain : array of bool, shape (n,)
        Whether that person's identity rests on a PatientID.
    images : bool
        Whether the examples are the slices, shape (n * depth, 1, rows,
        columns), rather than the volumes.
    indices : array of int, optional
        The examples to take; by default all, in order.
    numbers : array of int, shape (n,), optional
        The number of each volume in the dataset; by default 0, 1, ...

    Attributes
    ----------
    shape : tuple of ints
    ndim : int
    dtype : numpy.dtype
        As those of an array.
    """

    dtype = np.dtype('float32')

    def __init__(
        self,
        volumes: h5py.Dataset | np.ndarray,
        patient: np.ndarray,
        certain: np.ndarray,
        images: bool = False,
        indices: np.ndarray | None = None,
        numbers: np.ndarray | None = None,
    ):
        self._volumes = volumes
        self._numbers = (
            np.arange(volumes.shape[0]) if numbers is None else numbers
        )
        self._patient, self._certain = patient, certain
        self._images = images
        count, self._depth = int(volumes.shape[0]), int(volumes.shape[2])
        if images:
            count *= self._depth
        self._indices = np.arange(count) if indices is None else indices
        example = (1,) + tuple(volumes.shape[3 if images else 2 :])
        self.shape = (len(self._indices),) + example
        self.ndim = len(self.shape)

    def __len__(self):
        return len(self._indices)

    @property
    def patient(self) -> np.ndarray:
        """The person whom each example shows, array of str."""
        return self._patient[self._volume_of(self._indices)]

    @property
    def certain(self) -> np.ndarray:
        """Whether that person's identity is certain, array of bool."""
        return self._certain[self._volume_of(self._indices)]

    @property
    def volume(self) -> np.ndarray:
        """The number of the volume that each example is or belongs to."""
        return self._numbers[self._volume_of(self._indices)]

    def take(self, indices: Any) -> View:
        """A view of some of the examples, without reading them.

        Parameters
        ----------
        indices : slice, array of int or boolean mask
        """
        return View(
            self._volumes,
            self._patient,
            self._certain,
            self._images,
            self._indices[indices],
            self._numbers,
        )

    def load(self) -> View:
        """Read the examples into memory; returns a view of them there."""
        examples = np.empty(self.shape, 'float32')
        for i in range(len(self)):
            examples[i] = self[i]
        if self._images:
            # In memory, each slice is a volume of depth 1.
            examples = examples[:, :, None]
        return View(
            examples,
            self.patient,
            self.certain,
            self._images,
            numbers=self.volume,
        )

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read examples.

        Parameters
        ----------
        index : int, slice, array of int or boolean mask

        Returns
        -------
        array, float32
            Without the first axis if `index` is an int.
        """
        # This raises an IndexError if an index is out of bounds.
        chosen = self._indices[index]
        if np.ndim(chosen) == 0:
            return self._read(chosen)
        if isinstance(self._volumes, np.ndarray):
            # NumPy reads all at once, and without a copy if possible.
            examples = self._in_memory()
            return examples[index if self._is_all() else chosen]
        result = np.empty((len(chosen),) + self.shape[1:], 'float32')
        for i, example in enumerate(chosen):
            result[i] = self._read(example)
        return result

    def __array__(self, dtype=None):
        return np.asarray(self[:], dtype)

    def mean(self) -> float:
        """The mean of all values, read example by example."""
        return float(
            np.mean([self[i].mean(dtype='float64') for i in range(len(self))])
        )

    def _in_memory(self):
        volumes = self._volumes
        return (
            volumes.reshape((-1, 1) + volumes.shape[3:])
            if self._images
            else volumes
        )

    def _is_all(self):
        return (
            len(self)
            == len(self._volumes) * (self._depth if self._images else 1)
            and (self._indices == np.arange(len(self))).all()
        )

    def _read(self, example):
        if not self._images:
            return np.asarray(self._volumes[example])
        return np.asarray(
            self._volumes[example // self._depth, :, example % self._depth]
        )

    def _volume_of(self, examples):
        return examples // self._depth if self._images else examples
