"""Unpack archives of images, and trust nothing in them.

An archive may be damaged, or made to write outside of its folder or to fill
the disk. Each member is checked before it is written. What is wrong with one
does not stop the others.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from dataclasses import dataclass, field

from kneerepro.data.reading.archive_formats import (
    HARMLESS,
    MAX_RATIO,
    StoppedError,
    members,
    size_unpacked,
    too_large,
)
from kneerepro.data.reading.defects import Defect, DefectError
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason

# Bytes of the disk that stay free, for the volumes made from the images.
_SPARE = 256 * 2**20

_MAX_MEMBERS = 10**6
_MAX_DEPTH = 100  # folders in a path

# What file systems answer to names that they cannot store.
_BAD_NAME = errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL


@dataclass
class Contents:
    """What was unpacked from an archive.

    Attributes
    ----------
    sizes : dict of str to int
        The size of each file, in bytes, by its path within the folder.
    defects : dict of str to Defect
        What is wrong with a member, by its path, or by '' with the archive.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    defects: dict[str, Defect] = field(default_factory=dict)


def unpack(path: str, folder: str) -> Contents:
    """Unpack the sound members of an archive.

    Each file gets the time of modification of the archive. Files that an
    earlier call has unpacked are kept.

    Parameters
    ----------
    path : str
        A file for which
        :func:`kneerepro.data.reading.archive_formats.is_archive` holds.
    folder : str
        Created if missing.

    Returns
    -------
    Contents

    Raises
    ------
    UserError
        If the archive cannot be read, or if the disk is too small or cannot
        be written.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        return _unpack(path, folder)
    except OSError as error:
        raise UserError(
            f'cannot unpack {path} to {folder}: {reason(error)}; unpack it '
            'elsewhere and name that folder'
        ) from None
    except _NoRoomError:
        shutil.rmtree(folder)
        raise


def _unpack(path, folder):
    unpacker = _Unpacker(path, folder)
    contents = unpacker.contents
    try:
        unpacker.check_space(size_unpacked(path) - _size_of(folder))
        for member in members(path, unpacker.limit):
            unpacker.add(member)
    except StoppedError as error:
        contents.defects[''] = error.defect
        if error.unsure == 'last':
            unpacker.drop_last()
        elif error.unsure == 'all':
            shutil.rmtree(folder)
            contents.sizes.clear()
    return contents


def _size_of(folder):
    """The bytes of all files in a folder."""
    return sum(
        os.lstat(os.path.join(path, name)).st_size
        for path, _, names in os.walk(folder)
        for name in names
    )


def is_unpacked(path: str, size: int, modified: int) -> bool:
    """Tell whether a member has been unpacked and not been changed since.

    Parameters
    ----------
    path : str
    size : int
        In bytes.
    modified : int
        The archive's time of modification in ns.
    """
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_size == size
        # Some file systems store it in units of 2 s.
        and abs(status.st_mtime_ns - modified) <= 2 * 10**9
    )


class _NoRoomError(UserError):
    """The disk is too small."""


class _Unpacker:
    """Writes members to a folder, and keeps account of them."""

    def __init__(self, path, folder):
        status = os.stat(path)
        self.contents = Contents()
        self.limit = max(HARMLESS, MAX_RATIO * status.st_size)
        self._path, self._folder = path, folder
        self._modified = status.st_mtime_ns
        self._size = self._count = 0
        self._last: str | None = None  # if the last member was sound

    def add(self, member):
        """Write a member, or note what is wrong with it."""
        self._last = None
        self._count += 1
        if self._count > _MAX_MEMBERS:
            raise StoppedError(
                f'it has more than {_MAX_MEMBERS:,} members; the rest is '
                'left out'
            )
        name = _as_one_name(member.name)
        try:
            name = _safe_path(member.name)
            if self._is_taken(name):
                raise DefectError(
                    'UNSAFE_MEMBER', 'another member has the same path'
                )
            if member.defect is not None:
                raise DefectError(member.defect.code, member.defect.message)
            self._size += member.size
            if self._size > self.limit:
                raise too_large()
            self._write(member, os.path.join(self._folder, name))
            self.contents.sizes[name] = member.size
            self._last = name
        except DefectError as error:
            if self._is_taken(name):
                name = f'{name} (member {self._count})'
            self.contents.defects[name] = Defect(error.code, error.message)

    def drop_last(self):
        """Remove the last member, unless it was not sound anyway."""
        if self._last is not None:
            del self.contents.sizes[self._last]
            os.remove(os.path.join(self._folder, self._last))

    def _is_taken(self, name):
        return name in self.contents.sizes or name in self.contents.defects

    def _write(self, member, target):
        if is_unpacked(target, member.size, self._modified):
            return
        self.check_space(member.size)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, 'wb') as file:
                for chunk in member.chunks():
                    file.write(chunk)
            os.utime(target, ns=(self._modified, self._modified))
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise DefectError(
                'UNSAFE_MEMBER',
                'its path or that of another member is both a file and a '
                'folder',
            ) from None
        except OSError as error:
            if error.errno not in _BAD_NAME:
                raise
            raise DefectError(
                'UNSAFE_MEMBER', f'it cannot be stored: {reason(error)}'
            ) from None
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(target)
            raise

    def check_space(self, size):
        """Raise UserError if the disk has no room for so many bytes more."""
        free = shutil.disk_usage(self._folder).free
        if size > free - _SPARE:
            raise _NoRoomError(
                f'no room to unpack {self._path}: it takes {_gib(size)} or '
                f'more, and {self._folder} has {_gib(free)} free, of which '
                f'{_gib(_SPARE)} are to remain; make room there, or unpack '
                'it on another disk and name that folder'
            )


def _gib(size):
    return f'{size / 2**30:,.2f} GiB'


def _safe_path(name):
    """The path of a member within the folder of its archive.

    Raises
    ------
    DefectError
        UNSAFE_MEMBER
    """
    parts = [part for part in name.split('/') if part not in ('', '.')]
    if name.startswith('/') or re.match('[A-Za-z]:', name):
        problem = 'its path does not begin within the archive'
    elif '..' in re.split(r'[/\\]', name):
        problem = 'its path leads out of the archive'
    elif not parts or '\0' in name:
        problem = 'it has no usable name'
    elif len(parts) > _MAX_DEPTH:
        problem = f'it lies within more than {_MAX_DEPTH} folders'
    else:
        return os.path.join(*parts)
    raise DefectError('UNSAFE_MEMBER', problem)


def _as_one_name(name):
    """A path that is not safe, spelled so that it leads nowhere."""
    for text, code in ('/', '%2F'), ('..', '%2E%2E'), ('\0', '%00'):
        name = name.replace(text, code)
    return name[:200] or '(no name)'
