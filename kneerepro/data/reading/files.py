"""List the files of sources, and tell whether any of them has changed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kneerepro.utils.errors import UserError


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

    Parameters
    ----------
    sources : list of str
        Folders or files.
    excluded : collection of str
        Absolute paths of files and folders to leave out.

    Yields
    ------
    FoundFile
    """
    excluded = set(excluded)
    for source in sources:
        if os.path.abspath(source) not in excluded:
            yield from _walk(source, excluded)


def _walk(path, excluded):
    try:
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        else:
            entries = [_NamedFile(path)]
    except OSError as error:
        yield FoundFile(path, error=error)
        return
    for entry in entries:
        if excluded and os.path.abspath(entry.path) in excluded:
            continue
        try:
            if entry.is_dir():
                # A link to a folder could lead round in circles.
                if not entry.is_symlink():
                    yield from _walk(entry.path, excluded)
            else:
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):  # not a pipe or a device
                    yield FoundFile(
                        entry.path, status.st_size, status.st_mtime_ns
                    )
        except OSError as error:
            yield FoundFile(entry.path, error=error)


class _NamedFile:
    """A file given as a source, with the methods of an os.DirEntry."""

    def __init__(self, path):
        self.path = path

    def is_dir(self):
        return False

    def stat(self):
        return os.stat(self.path)


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
    for source in sources:
        if not os.path.exists(source):
            raise UserError(
                f'{source} does not exist: name a folder or a file that does'
            )
        for file in walk_files([source], excluded):
            state = (
                file.path[len(source) :],
                file.size,
                file.modified,
                file.error is None,
            )
            digest.update(repr(state).encode('utf-8', 'surrogateescape'))
            count += 1
    return Survey(fingerprint=digest.hexdigest(), count=count)
