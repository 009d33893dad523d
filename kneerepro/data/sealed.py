"""HDF5 files behind a block of text that says what follows.

The block names the kind of file, the version of its format, and the length and
the checksum of all that comes after it. So a damaged file is noticed before
HDF5 opens it, which can crash the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Iterator
from typing import BinaryIO

import h5py

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing
from kneerepro.utils.scripts import typed

#: Kinds of files.
DATASET, PART = 'kneerepro volumes', 'kneerepro part of volumes'

# What each kind is called, and how to get a file of another kind from it:
# with a flag of the command that prepares datasets.
_NAMES = {DATASET: 'a dataset', PART: 'a part of a dataset'}
_ADVICE = {
    DATASET: 'make parts with {} --part',
    PART: 'join all parts with {} --join',
}

# Bytes of the block. HDF5 leaves the beginning of a file to its users.
_BLOCK = 512

# A file is complete before others see it, so that it needs no lock of HDF5,
# and some file systems have none.
_LOCKING = False


@contextlib.contextmanager
def new_sealed(
    path: str, kind: str, version: int, temporary: str | None = None
) -> Iterator[h5py.File]:
    """Create a file, which appears when it is complete.

    Parameters
    ----------
    path : str
    kind : {DATASET, PART}
    version : int
        Of the format.
    temporary : str, optional
        Where to write it first, on the same file system; by default under a
        new name in the same folder.

    Yields
    ------
    h5py.File

    Raises
    ------
    UserError
        If it cannot be written.
    """
    with replacing(path, temporary) as temporary:
        with _create_hdf5(temporary) as file:
            yield file
        with open(temporary, 'rb+') as file:
            file.seek(_BLOCK)
            length, digest = _read_rest(file)
            file.seek(0)
            file.write(
                f'{kind}\nversion {version}\nlength {length}\n'
                f'sha256 {digest}\n'.encode()
            )


@contextlib.contextmanager
def _create_hdf5(path):
    try:
        with h5py.File(
            path, 'w', userblock_size=_BLOCK, locking=_LOCKING
        ) as file:
            yield file
    except RuntimeError as error:
        # What h5py raises for a full disk when it closes the file.
        number = re.search(r'errno = (\d+)', str(error))
        if number:
            raise OSError(int(number[1]), str(error)) from error
        raise


def is_sealed(path: str, kind: str) -> bool:
    """Tell whether a file is of a kind, sound or damaged."""
    beginning = f'{kind}\n'.encode()
    try:
        with open(path, 'rb') as file:
            return file.read(len(beginning)) == beginning
    except OSError:
        return False


def check_sealed(
    path: str, kind: str, readable: Collection[int], verify: bool = True
) -> tuple[int, str]:
    """Compare a file with the block in front of it.

    Parameters
    ----------
    path : str
    kind : {DATASET, PART}
    readable : collection of int
        Versions, in increasing order.
    verify : bool
        Whether to compare all bytes with the checksum, or only their number.

    Returns
    -------
    version : int
    digest : str
        SHA-256 of what follows the block, as the block states it.

    Raises
    ------
    UserError
        If the file is of another kind or version, or is damaged.
    """
    try:
        with open(path, 'rb') as file:
            block = file.read(_BLOCK)
            length = os.fstat(file.fileno()).st_size - _BLOCK
            version, expected, digest = _parse_block(
                block, path, kind, readable
            )
            if length != expected:
                raise UserError(
                    f'{path} is damaged: {length:,} bytes instead of '
                    f'{expected:,}; prepare it again'
                )
            if verify and _read_rest(file)[1] != digest:
                raise UserError(
                    f'{path} is damaged: its {length:,} bytes disagree with '
                    'their checksum; prepare it again'
                )
    except OSError as error:
        raise UserError(f'{path} cannot be read: {reason(error)}') from None
    return version, digest


def open_sealed(path: str) -> h5py.File:
    """Open a file that :func:`check_sealed` accepts, for reading.

    Raises
    ------
    UserError
        If HDF5 cannot read it.
    """
    try:
        return h5py.File(path, 'r', locking=_LOCKING)
    except OSError as error:
        raise UserError(
            f'{path} cannot be read as HDF5 ({reason(error)}): prepare it '
            'again'
        ) from None


def _parse_block(block, path, kind, readable):
    """The version, the length and the hash in the block before a file."""
    found = re.match(
        rb'(.*)\nversion (\d+)\nlength (\d+)\nsha256 ([0-9a-f]{64})\n', block
    )
    found_kind = found and found[1].decode('latin-1')
    if found_kind not in _NAMES:
        raise UserError(
            f'{path} is not {_NAMES[kind]} of this package: make one with '
            f'{typed("prepare")}'
        )
    if found_kind != kind:
        raise UserError(
            f'{path} is {_NAMES[found_kind]}, not {_NAMES[kind]}: '
            + _ADVICE[found_kind].format(typed('prepare'))
        )
    version = int(found[2])
    if version not in readable:
        versions = ' to '.join(
            map(str, sorted({min(readable), max(readable)}))
        )
        raise UserError(
            f'{path} has format version {version}, but this package reads '
            f'{versions}: prepare it again'
        )
    return version, int(found[3]), found[4].decode()


def _read_rest(file: BinaryIO) -> tuple[int, str]:
    """Length and SHA-256 of a file from its current position."""
    digest, length = hashlib.sha256(), 0
    for part in iter(lambda: file.read(2**20), b''):
        digest.update(part)
        length += len(part)
    return length, digest.hexdigest()
