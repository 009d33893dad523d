"""Volumes as .npy: one array for all volumes of a kind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from kneerepro.data.writing.records import Output, Subject
from kneerepro.data.writing.writer import Writer
from kneerepro.utils.files import replacing


@contextlib.contextmanager
def new_array(path: str, shape: tuple[int, ...]) -> Iterator[IO[bytes]]:
    """Open a ``.npy`` file of float32, to append the values to.

    Not a memory map: on a full disk, writing to one kills the process.

    Parameters
    ----------
    path : str
    shape : tuple of ints
        Of the array when all values are written.

    Yields
    ------
    file
    """
    with open(path, 'wb') as file:
        np.lib.format.write_array_header_1_0(
            file, {'descr': '<f4', 'fortran_order': False, 'shape': shape}
        )
        yield file


class NpyWriter(Writer):
    """Writes ``reconstruction.npy`` and ``squared_error.npy``.

    Each is an array of shape (volumes, 1, depth, rows, columns), so all
    volumes must be added, in their order. The ground truth is left out:
    ``data/prepare.py --npy`` writes it.
    """

    _KINDS = 'reconstruction', 'squared_error'

    def __init__(self, parent: str, count: int):
        self._paths, self._count = self.paths(parent), count
        self._stack = contextlib.ExitStack()
        self._files: dict[str, IO[bytes]] = {}

    @classmethod
    def paths(cls, parent: str) -> list[str]:
        """What it writes."""
        return [os.path.join(parent, f'{kind}.npy') for kind in cls._KINDS]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._temporary = {
                kind: stack.enter_context(replacing(path))
                for kind, path in zip(self._KINDS, self._paths)
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> bool | None:
        return self._stack.__exit__(*exception)

    def add(self, output: Output, subject: Subject) -> None:
        """Append a volume to the array of its kind."""
        if output.kind not in self._KINDS:
            return
        if output.kind not in self._files:
            self._files[output.kind] = self._stack.enter_context(
                new_array(
                    self._temporary[output.kind],
                    (self._count, 1, *output.values.shape),
                )
            )
        self._files[output.kind].write(
            output.values.astype('<f4', copy=False).tobytes()
        )
