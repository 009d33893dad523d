"""Archives for tests, sound and otherwise."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

#: How to compress a tar file, by the usual ending.
COMPRESSIONS = {
    'tar': bytes,
    'tar.gz': gzip.compress,
    'tar.bz2': bz2.compress,
    'tar.xz': lzma.compress,
}


def tar_of(members, **kinds):
    """A tar file.

    Parameters
    ----------
    members : list of (str, bytes)
        Name and content of each member.
    **kinds : dict of str to str
        Attributes of the header of the member with this content, if it is
        text rather than bytes.
    """
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w') as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                for attribute, value in kinds[content].items():
                    setattr(info, attribute, value)
                archive.addfile(info)
    return file.getvalue()


def zip_of(members, method=zipfile.ZIP_DEFLATED):
    """A ZIP file of (name or ZipInfo, content)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def flipped(content, position):
    """The content with all bits of one byte changed."""
    content = bytearray(content)
    content[position] ^= 0xFF
    return bytes(content)
