"""Read the headers of all files of sources into a catalogue."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection
from functools import partial
from typing import Callable

from kneerepro.data.reading import arrays, images
from kneerepro.data.reading.catalogue import Catalogue, FileRecord
from kneerepro.data.reading.defects import defect_of
from kneerepro.data.reading.files import FoundFile, walk_files
from kneerepro.data.reading.frames import read_frames
from kneerepro.data.reading.image_headers import is_companion, is_image_file
from kneerepro.utils.workers import Workers

# Files that a worker reads at a time: enough that the exchange between
# processes costs little.
_BATCH = 64

# Endings of files that lie beside images.
_COMPANIONS = (
    '.csv',
    '.tsv',
    '.txt',
    '.md',
    '.rst',
    '.json',
    '.xml',
    '.html',
    '.htm',
    '.pdf',
    '.log',
    '.png',
    '.jpg',
    '.jpeg',
    '.py',
)


def scan(
    catalogue: Catalogue,
    sources: list[str],
    workers: Workers,
    depth: int,
    excluded: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
    shown: Callable[[str], str] = str,
) -> None:
    """Read all files of the sources that are not yet in the catalogue.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
    sources : list of str
        Folders or files.
    workers : kneerepro.utils.workers.Workers
    depth : int
        Slices of a volume in a .npy file of the thesis's 4-D dataset.
    excluded : collection of str
        Absolute paths of files and folders to leave out.
    progress : callable, optional
        Called with the number of files done.
    shown : callable, optional
        Returns the path by which a user knows a file that was unpacked.
    """
    known = catalogue.known_files()
    files = (
        file for file in walk_files(sources, excluded) if not known(file.path)
    )
    batches = iter(lambda: list(itertools.islice(files, _BATCH)), [])
    done = 0
    for batch, records in workers.map(
        partial(_read_batch, depth), batches, _crashed
    ):
        catalogue.add_files(records, shown)
        catalogue.commit()
        done += len(batch)
        if progress is not None:
            progress(done)


def _read_batch(depth, batch):
    """Read a batch of files; runs in a worker."""
    return [_read(file, depth) for file in batch]


def _read(file, depth):
    try:
        if file.error:
            raise file.error
        with open(file.path, 'rb', buffering=0) as content:
            head = content.read(1024)
        if arrays.is_array_file(head):
            return _record(file, volumes=arrays.find_volumes(file.path, depth))
        if is_image_file(head, file.path):
            return _record(file, volumes=images.find_volumes(file.path))
        if is_companion(head, file.path):
            return _record(file, message='holds the values for a header')
        return _record(file, frames=read_frames(file.path))
    except Exception as error:
        defect = defect_of(error)
        passed_over = defect.code == 'NOT_DICOM' and _is_companion(file.path)
        return _record(
            file,
            code=None if passed_over else defect.code,
            message=defect.message,
        )


def _record(file: FoundFile, **content) -> FileRecord:
    return FileRecord(
        path=file.path, size=file.size, modified=file.modified, **content
    )


def _is_companion(path):
    """Whether the name of a file suggests that it is no image.

    If a file with an image's name (the OAI's have no extension) is not
    DICOM, it is damaged; a readme is not.
    """
    name = os.path.basename(path).lower()
    return name.startswith('.') or name.endswith(_COMPANIONS)


def _crashed(batch):
    return [
        _record(
            file,
            code='UNREADABLE',
            message='the process crashed while it read this file or one of '
            'its neighbours',
        )
        for file in batch
    ]
