"""Arrays and what is to be known about them, in one file without pickle.

A ``.npz``, as ``numpy.load`` reads it, with one more member: ``meta.json``
says what the file is and has a SHA-256 of each array.
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile
import zlib

import numpy as np

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing

VERSION = 1
_META = 'meta.json'


class ArchiveError(UserError):
    """A file that is no such archive, or a damaged one."""


def save(path, kind, arrays, meta):
    """Write an archive, which appears under its name once it is on the disk.

    Parameters
    ----------
    path : str
    kind : str
        What it is, such as 'checkpoint'.
    arrays : dict of str to array
    meta : dict
        Whatever else belongs to it, in what JSON can hold.

    Raises
    ------
    UserError
        If it cannot be written. What was under that name stays as it was.
    """
    digests = {}
    with replacing(path) as temporary, open(temporary, 'wb') as file:
        with zipfile.ZipFile(file, 'w') as members:
            for name, array in arrays.items():
                content = _to_bytes(array)
                digests[name] = hashlib.sha256(content).hexdigest()
                members.writestr(_member(name), content)
            members.writestr(
                _member(_META),
                json.dumps(
                    {
                        'kind': kind,
                        'version': VERSION,
                        'sha256': digests,
                        'meta': meta,
                    },
                    indent=1,
                ),
            )
        file.flush()
        os.fsync(file.fileno())


def load(path, kind):
    """Read an archive.

    Parameters
    ----------
    path : str
    kind : str
        What it has to be.

    Returns
    -------
    arrays : dict of str to array
    meta : dict

    Raises
    ------
    ArchiveError
        If the file is missing, truncated, altered, or another kind of file.
    """
    with _opened(path) as members:
        head = _head(path, members, kind)
        contents = {
            name: members.read(name + '.npy') for name in head['sha256']
        }
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != head['sha256'][name]:
            raise ArchiveError(
                f'{path} is damaged: {name} does not agree with its checksum'
            )
    return {
        name: np.load(io.BytesIO(content), allow_pickle=False)
        for name, content in contents.items()
    }, head['meta']


def read_meta(path, kind):
    """The `meta` of an archive, without its arrays being read.

    Raises
    ------
    ArchiveError
        As :func:`load`, unless it is the arrays that are damaged.
    """
    with _opened(path) as members:
        return _head(path, members, kind)['meta']


@contextlib.contextmanager
def _opened(path):
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
        raise ArchiveError(f'{path} cannot be read: {reason(error)}') from None


def _head(path, members, kind):
    try:
        head = json.loads(members.read(_META))
        found, version = head['kind'], head['version']
    except (KeyError, ValueError, TypeError):
        raise ArchiveError(f'{path} is no {kind} of this package') from None
    if found != kind:
        raise ArchiveError(f'{path} is a {found}, needed is a {kind}')
    if version != VERSION:
        raise ArchiveError(
            f'{path} has format version {version}, this '
            f'package reads {VERSION}'
        )
    return head


def _to_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def _member(name):
    # A fixed time: the same content makes the same file, to the byte.
    return zipfile.ZipInfo(name if name == _META else name + '.npy')
