"""Arrays and metadata in one file, without pickle.

An archive is an ``.npz`` file that ``numpy.load`` can read. One more member,
``meta.json``, holds the kind of the archive, the metadata and a SHA-256 digest
of each array.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing

VERSION = 1
_META = 'meta.json'


class ArchiveError(UserError):
    """A file that is not an archive of the expected kind, or is damaged."""


def save(
    path: str, kind: str, arrays: Mapping[str, Any], meta: dict[str, Any]
) -> None:
    """Write an archive.

    The file gets its name only when it is complete and on the disk. If writing
    fails, an older file of that name stays as it was.

    Parameters
    ----------
    path : str
    kind : str
        What the archive is, such as 'checkpoint'.
    arrays : dict of str to array
    meta : dict
        Metadata that can be converted to JSON.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    digests = {}
    with replacing(path) as temporary, open(temporary, 'wb') as file:
        with zipfile.ZipFile(file, 'w') as members:
            for name, array in arrays.items():
                content = _to_bytes(array)
                digests[name] = hashlib.sha256(content).hexdigest()
                members.writestr(_member(name + '.npy'), content)
            head = {
                'kind': kind,
                'version': VERSION,
                'sha256': digests,
                'meta': meta,
            }
            members.writestr(_member(_META), json.dumps(head, indent=1))
        file.flush()
        os.fsync(file.fileno())


def load(path: str, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read an archive.

    Parameters
    ----------
    path : str
    kind : str
        The kind that the archive must have.

    Returns
    -------
    arrays : dict of str to array
    meta : dict

    Raises
    ------
    ArchiveError
        If the file is missing, truncated, altered or of another kind.
    """
    with _open(path) as members:
        head = _read_head(path, members, kind)
        contents = {
            name: members.read(name + '.npy') for name in head['sha256']
        }
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != head['sha256'][name]:
            raise ArchiveError(
                f'{path} is damaged: {name} does not match its checksum'
            )
    arrays = {
        name: np.load(io.BytesIO(content), allow_pickle=False)
        for name, content in contents.items()
    }
    return arrays, head['meta']


@contextlib.contextmanager
def _open(path: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as members:
            yield members
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        EOFError,
        NotImplementedError,
    ) as error:
        raise ArchiveError(
            f'{path} is truncated or damaged ({error})'
        ) from None
    except OSError as error:
        raise ArchiveError(f'cannot read {path}: {reason(error)}') from None


def _read_head(
    path: str, members: zipfile.ZipFile, kind: str
) -> dict[str, Any]:
    try:
        head = json.loads(members.read(_META))
        found, version = head['kind'], head['version']
    except (KeyError, ValueError, TypeError):
        raise ArchiveError(
            f'{path} is not a {kind} file of this package'
        ) from None
    if found != kind:
        raise ArchiveError(
            f'{path} is a {found} file, but a {kind} file is required'
        )
    if version != VERSION:
        raise ArchiveError(
            f'{path} has format version {version}, but this version of the '
            f'package reads only {VERSION}'
        )
    return head


def _to_bytes(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    # ZipInfo has a fixed time, so that the same content gives the same bytes.
    return zipfile.ZipInfo(name)
