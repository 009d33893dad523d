"""The members of ZIP and tar archives, as the archives describe them."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from kneerepro.data.reading.defects import Defect, DefectError

#: What an archive unpacks to may be this many times its size; images of a
#: scanner hardly exceed 10. So many bytes are harmless in any case.
MAX_RATIO = 200
HARMLESS = 64 * 2**20

# Bytes read at a time.
_CHUNK = 2**20

# For decompression, in bytes; xz -9 takes 65 MiB.
_MAX_MEMORY = 256 * 2**20

# How compressed files begin, and how they are decompressed: in memory, for
# the beginning alone, and as a file.
_COMPRESSED: dict[bytes, tuple[Callable[[], Any], Callable[[str], Any]]] = {
    b'\x1f\x8b': (partial(zlib.decompressobj, 31), gzip.open),
    b'BZh': (bz2.BZ2Decompressor, bz2.open),
    b'\xfd7zXZ\0': (
        partial(lzma.LZMADecompressor, memlimit=_MAX_MEMORY),
        lzma.open,
    ),
}
_ZIP = b'PK\x03\x04', b'PK\x05\x06'
_NOT_READ = {
    b'7z\xbc\xaf\x27\x1c': '7-Zip',
    b'Rar!\x1a\x07': 'RAR',
    b'\x28\xb5\x2f\xfd': 'Zstandard',
    b'\x04\x22\x4d\x18': 'LZ4',
    b'\x1f\x9d': 'compress',
}

# Documents and programs are ZIP archives, too. This is their first member.
_DOCUMENT = re.compile(rb'\[Content_Types\]\.xml|mimetype|META-INF/')

# Of bzip2, Python unpacks 4 KiB at a time, which may become 4 GB.
_ZIP_METHODS = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA

_DAMAGED = 'it is damaged: copy it again; what comes before is used'
_UNSURE = (
    'it is damaged: copy it again; none of its members is used, because '
    'nothing tells which ones are wrong'
)


class StoppedError(Exception):
    """An archive cannot be read to its end.

    Parameters
    ----------
    message : str
    code : str
        One of :data:`kneerepro.data.reading.defects.REJECTIONS`.
    unsure : {'none', 'last', 'all'}
        Which of the members read so far may be wrong, too.

    Attributes
    ----------
    defect : Defect
    unsure : str
    """

    def __init__(
        self, message: str, code: str = 'BAD_ARCHIVE', unsure: str = 'none'
    ):
        super().__init__(message)
        self.defect = Defect(code=code, message=message)
        self.unsure = unsure


class _CutOffError(StoppedError):
    """An archive ends too early."""

    def __init__(self, unsure='none'):
        super().__init__(
            'it is cut off: copy it again; what comes before is used',
            unsure=unsure,
        )


@dataclass(frozen=True)
class Member:
    """A member that is no folder.

    Attributes
    ----------
    name : str
        Its path, unchecked, with slashes.
    size : int
        In bytes.
    open : callable
        Returns a file to read from, before the next member is asked for.
    defect : Defect or None
        Why it must not be unpacked.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    defect: Defect | None = None

    def chunks(self) -> Iterator[bytes]:
        """Read its content, a mebibyte at a time.

        Raises
        ------
        DefectError
            BAD_ARCHIVE, if it is damaged.
        StoppedError
            If the archive is.
        """
        damaged = DefectError('BAD_ARCHIVE', 'it is damaged: copy it again')
        size = 0
        try:
            with self.open() as content:
                while chunk := content.read(_CHUNK):
                    size += len(chunk)
                    yield chunk
        except (StoppedError, GeneratorExit):
            raise
        except tarfile.ReadError:
            raise _CutOffError() from None
        except Exception:
            # zipfile lets through whatever a damaged file provokes.
            raise damaged from None
        if size != self.size:
            raise damaged


def is_archive(path: str) -> bool:
    """Tell whether a file is an archive, by its content.

    Parameters
    ----------
    path : str

    Returns
    -------
    bool
        True for ZIP and tar, the latter also compressed by gzip, bzip2 or xz;
        and for kinds that cannot be read here. Documents and programs that
        are ZIP archives of their parts do not count.
    """
    try:
        with open(path, 'rb') as file:
            head = file.read(tarfile.BLOCKSIZE)
            if head.startswith(tuple(_NOT_READ)):
                return True
            if head.startswith(_ZIP):
                return not _DOCUMENT.match(head, 30)
            for magic, (decompressor, _) in _COMPRESSED.items():
                if head.startswith(magic):
                    file.seek(0)
                    head = _first_block(file, decompressor())
        # Raises an error if the checksum is wrong.
        tarfile.TarInfo.frombuf(head, 'utf-8', 'surrogateescape')
    except (
        OSError,
        EOFError,
        ValueError,
        zlib.error,
        lzma.LZMAError,
        tarfile.HeaderError,
    ):
        return False
    return True


def _first_block(file, decompressor):
    block = b''
    while len(block) < tarfile.BLOCKSIZE and (content := file.read(2**16)):
        block += decompressor.decompress(
            content, tarfile.BLOCKSIZE - len(block)
        )
    return block


def size_unpacked(path: str) -> int:
    """The bytes that an archive unpacks to, or less if it does not tell.

    Parameters
    ----------
    path : str
    """
    if not _begins(path, *_ZIP):
        return os.path.getsize(path)
    with _opened_zip(path) as archive:
        return sum(info.file_size for info in archive.infolist())


def members(path: str, limit: int) -> Iterator[Member]:
    """List the members of an archive, without folders.

    Parameters
    ----------
    path : str
        A file for which :func:`is_archive` holds.
    limit : int
        The most bytes that a tar file may unpack to.

    Yields
    ------
    Member

    Raises
    ------
    StoppedError
        If no more can be read.
    """
    for magic, kind in _NOT_READ.items():
        if _begins(path, magic):
            raise StoppedError(
                f'it was made by {kind}, which is not read: unpack it'
            )
    if _begins(path, *_ZIP):
        yield from _zip_members(path)
    else:
        yield from _tar_members(path, limit)


def _begins(path, *magics):
    with open(path, 'rb') as file:
        return file.read(8).startswith(magics)


def _is_no_file():
    return Defect('UNSAFE_MEMBER', 'it is a link or a device, not a file')


# ------------------------------------------------------------------------ ZIP


def _opened_zip(path):
    try:
        return zipfile.ZipFile(path)
    except Exception as error:
        # A damaged file may ask for a place before its beginning (EINVAL).
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        # zipfile lets through whatever a damaged file provokes.
        raise StoppedError(
            'its list of members, at its end, is missing or damaged: copy it '
            'again'
        ) from None


def _zip_members(path):
    with _opened_zip(path) as archive:
        infos = archive.infolist()
        if sum(info.compress_size for info in infos) > os.path.getsize(path):
            raise StoppedError('its members overlap', 'UNSAFE_MEMBER')
        for info in infos:
            if not info.is_dir():
                yield Member(
                    # Some programs on Windows separate folders by these.
                    name=info.filename.replace('\\', '/'),
                    size=info.file_size,
                    open=partial(archive.open, info),
                    defect=_zip_defect(info),
                )


def _zip_defect(info):
    """What is wrong with a member, as far as the list of members tells."""
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return _is_no_file()
    if info.flag_bits & 0x2041:
        return Defect(
            'ENCRYPTED_MEMBER',
            'it is encrypted: unpack the archive with its password',
        )
    if info.compress_type not in _ZIP_METHODS:
        return Defect(
            'BAD_ARCHIVE',
            f'it is compressed by method {info.compress_type}, which is not '
            'read: unpack the archive',
        )
    if info.file_size > max(HARMLESS, MAX_RATIO * info.compress_size):
        return Defect(
            'UNSAFE_MEMBER',
            f'it unpacks to more than {MAX_RATIO} times its size',
        )
    return None


# ------------------------------------------------------------------------ tar


def _tar_members(path, limit):
    opener, compressed = partial(open, mode='rb'), False
    for magic, (_, open_compressed) in _COMPRESSED.items():
        if _begins(path, magic):
            opener, compressed = open_compressed, True
    with opener(path) as content:
        stream = _Stream(content, limit, compressed)
        # The zeros at the end may be followed by a second archive.
        archive = stream.reading(
            tarfile.TarFile, fileobj=stream, tarinfo=_Header, ignore_zeros=True
        )
        while (info := stream.reading(archive.next)) is not None:
            archive.members = []  # it would keep them all
            if not info.isdir():
                yield Member(
                    name=info.name,
                    size=info.size,
                    open=partial(archive.extractfile, info),
                    defect=None if info.isreg() else _is_no_file(),
                )


class _Header(tarfile.TarInfo):
    """The header of a member.

    For tarfile, a damaged header is the end of an archive. Here, it is not.
    """

    @classmethod
    def fromtarfile(cls, archive):
        """Read the next header."""
        stream = archive.fileobj
        try:
            header = super().fromtarfile(archive)
        except tarfile.EOFHeaderError:
            stream.at_end = True
            raise
        except (tarfile.EmptyHeaderError, tarfile.TruncatedHeaderError):
            if stream.at_end:
                raise
            raise _CutOffError() from None
        except tarfile.HeaderError:
            raise stream.damaged() from None
        stream.at_end = False
        return header


class _Stream:
    """What a tar file unpacks to, read forwards and up to a limit.

    Attributes
    ----------
    at_end : bool
        Whether the mark of the end has been read, and no member since.
    """

    def __init__(self, content, limit, compressed):
        self.at_end = False
        self._content, self._limit = content, limit
        self._compressed, self._position = compressed, 0

    def tell(self):
        """The number of bytes read."""
        return self._position

    def seek(self, position):
        """Skip what lies before a position."""
        while self._position < position:
            if not self.read(min(_CHUNK, position - self._position)):
                break  # tarfile notices when it reads on

    def read(self, size):
        """Read some bytes."""
        if size > 16 * _CHUNK:  # of a header that tarfile reads as a whole
            raise self.damaged()
        try:
            content = self._content.read(size)
        except EOFError:
            raise _CutOffError() from None
        except (OSError, zlib.error, lzma.LZMAError):
            raise self.damaged() from None
        self._position += len(content)
        if self._position > self._limit:
            raise too_large()
        return content

    def damaged(self):
        """What to raise for damage.

        What is compressed has its checksum at the end, so that whatever was
        read before may be wrong.
        """
        if self._compressed:
            return StoppedError(_UNSURE, unsure='all')
        return StoppedError(_DAMAGED)

    def reading(self, function, *args, **kwargs):
        """Call a function of tarfile that reads headers."""
        try:
            return function(*args, **kwargs)
        except (_CutOffError, tarfile.ReadError):
            # Without a next header, what was compressed may have been wrong
            # from somewhere in the last member on.
            unsure = self._compressed and not self.at_end
            raise _CutOffError('last' if unsure else 'none') from None
        except StoppedError:
            raise
        except Exception:
            # tarfile lets through whatever a damaged header provokes.
            raise self.damaged() from None


def too_large() -> StoppedError:
    """What to raise for an archive that unpacks to too much."""
    return StoppedError(
        f'it unpacks to more than {MAX_RATIO} times its size; the rest is '
        'left out',
        'UNSAFE_MEMBER',
    )
