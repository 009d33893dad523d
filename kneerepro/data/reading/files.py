"""List the files of sources, and tell whether any of them has changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kneerepro.utils.errors import UserError
from kneerepro.utils.text import as_bytes


@dataclass(frozen=True)
class FoundFile:
    """A file as its folder lists it.

    Attributes
    ----------
    path : str
    size : int
        In bytes.
    modified : int
        Time of the last modification in ns.
    error : OSError or None
        Why the file cannot be found or the folder cannot be listed.
    """

    path: str
    size: int = 0
    modified: int = 0
    error: OSError | None = None


def distinct_sources(sources: list[str]) -> list[str]:
    """The sources without those that lie within another one.

    Parameters
    ----------
    sources : list of str
        Folders or files.

    Returns
    -------
    list of str
    """
    real = {source: os.path.realpath(source) for source in sources}

    def within(i, j):
        inner, outer = real[sources[i]], real[sources[j]]
        # Of two that are the same, the second lies within the first.
        return os.path.commonpath([inner, outer]) == outer and (
            inner != outer or j < i
        )

    return [
        source
        for i, source in enumerate(sources)
        if not any(within(i, j) for j in range(len(sources)) if j != i)
    ]


def walk_files(
    sources: list[str], excluded: Collection[str] = ()
) -> Iterator[FoundFile]:
    """List all files of sources, always in the same order.

    Links to folders and files are followed, also out of the source. No folder
    and no file is listed twice, whichever links lead to it.

    Parameters
    ----------
    sources : list of str
        Folders or files.
    excluded : collection of str
        Paths of files and folders to leave out.

    Yields
    ------
    FoundFile
    """
    walk = _Walk(excluded)
    for source in sources:
        yield from walk.files(source)


class _Walk:
    """Lists files, and remembers what it has already listed."""

    def __init__(self, excluded: Collection[str]):
        self._excluded = {_real_place(path) for path in excluded}
        # Real paths. A million files in ordinary folders would take too much
        # memory, so of them only the folders are remembered.
        self._folders: set[str] = set()
        self._single_files: set[str] = set()

    def files(self, source: str) -> Iterator[FoundFile]:
        """List the files of a source."""
        if _real_place(source) in self._excluded:
            return
        if not os.path.isdir(source):
            yield from self._single_file(source)
            return
        # Not a recursion, which Python limits to some hundred folders.
        pending = [self._entries(source, os.path.realpath(source))]
        while pending:
            found = next(pending[-1], None)
            if found is None:
                pending.pop()
            elif isinstance(found, FoundFile):
                yield found
            else:
                pending.append(found)

    def _entries(self, folder, real):
        """What a folder holds: its files, and iterators over its folders."""
        if real in self._folders or real in self._excluded:
            return
        try:
            with os.scandir(folder) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield FoundFile(folder, error=error)
            return
        self._folders.add(real)
        for entry in entries:
            path = os.path.join(real, entry.name)
            if path in self._excluded:
                continue
            try:
                if entry.is_dir():
                    if entry.is_symlink():
                        path = os.path.realpath(path)
                    yield self._entries(entry.path, path)
                elif entry.is_symlink():
                    yield from self._single_file(entry.path)
                elif path not in self._single_files:
                    yield from _listed(entry.path, entry.stat())
            except OSError as error:
                yield FoundFile(entry.path, error=error)

    def _single_file(self, path):
        """A file that is a source, or that a link leads to."""
        try:
            status = os.stat(path)
        except OSError as error:  # among others, a link to nowhere
            yield FoundFile(path, error=error)
            return
        real = os.path.realpath(path)
        if (
            real not in self._single_files
            and real not in self._excluded
            and os.path.dirname(real) not in self._folders
        ):
            self._single_files.add(real)
            yield from _listed(path, status)


def _listed(path, status):
    if stat.S_ISREG(status.st_mode):  # not a pipe or a device
        yield FoundFile(path, status.st_size, status.st_mtime_ns)


def _real_place(path):
    """The path with all links resolved, except one at its end."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


@dataclass(frozen=True)
class Survey:
    """The files of sources at a glance.

    Attributes
    ----------
    fingerprint : str
        A hash that changes when a file does. It covers paths within the
        sources, sizes and times of modification but not contents, so that it
        takes little time for a disk of DICOM.
    count : int
        Of files.
    """

    fingerprint: str
    count: int


def survey(sources: list[str], excluded: Collection[str] = ()) -> Survey:
    """Count and fingerprint the files of sources.

    Parameters
    ----------
    sources, excluded
        As for :func:`walk_files`.

    Returns
    -------
    Survey

    Raises
    ------
    UserError
        If a source does not exist.
    """
    digest, count = hashlib.sha256(), 0
    walk = _Walk(excluded)
    for source in sources:
        if not os.path.exists(source):
            raise UserError(
                f'{source} does not exist: name a folder or a file that does'
            )
        for file in walk.files(source):
            state = (
                file.path[len(source) :],
                file.size,
                file.modified,
                file.error is None,
            )
            digest.update(as_bytes(repr(state)))
            count += 1
    return Survey(fingerprint=digest.hexdigest(), count=count)
