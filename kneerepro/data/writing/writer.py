"""What the writers of all formats have in common."""

from __future__ import annotations

import abc
import contextlib
import os
from typing import Any

from kneerepro.data.writing.folders import replacing_folder
from kneerepro.data.writing.records import Output, Subject


class Writer(contextlib.AbstractContextManager):
    """Writes volumes in one format.

    The files appear when the context ends, and not at all if it fails.

    Parameters
    ----------
    parent : str
        Folder to write to.
    count : int
        Number of volumes in the dataset.
    """

    @abc.abstractmethod
    def __init__(self, parent: str, count: int):
        pass

    @classmethod
    @abc.abstractmethod
    def paths(cls, parent: str) -> list[str]:
        """What it writes. The path of a folder ends with a slash."""

    @abc.abstractmethod
    def add(self, output: Output, subject: Subject) -> None:
        """Write a volume."""


class FolderWriter(Writer):
    """Writes each volume as a file or folder of its own, all in one folder."""

    folder: str  # its name

    def __init__(self, parent: str, count: int):
        self._replacing = replacing_folder(os.path.join(parent, self.folder))
        self._digits = max(3, len(str(count - 1)))

    @classmethod
    def paths(cls, parent: str) -> list[str]:
        """What it writes. The path of a folder ends with a slash."""
        return [os.path.join(parent, cls.folder, '')]

    def __enter__(self):
        self._temporary = self._replacing.__enter__()
        return self

    def __exit__(self, *exception: Any) -> bool | None:
        return self._replacing.__exit__(*exception)

    def _path(self, output: Output, ending: str = '') -> str:
        """Where to write a volume."""
        name = output.kind + ending
        if output.number is not None:
            name = f'volume_{output.number:0{self._digits}d}_{name}'
        return os.path.join(self._temporary, name)
