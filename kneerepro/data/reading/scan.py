"""Reads the headers of all files of a source."""

import hashlib
import itertools
import os
import stat
from collections import namedtuple

from kneerepro.data.reading import arrays
from kneerepro.data.reading.defects import DefectError
from kneerepro.data.reading.header import read_frames
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason

_BATCH = 64
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


def files_of(sources, excluded=()):
    """All files of sources, in an order that is always the same.

    Parameters
    ----------
    sources : list of str
        Folders, or files.
    excluded : collection of str
        Absolute paths of files and folders to pass over.

    Yields
    ------
    path, size, changed, error
        The time of the last change in ns; the OSError of a folder that cannot
        be listed or a file that cannot be found, else None.
    """
    excluded = set(excluded)
    for source in sources:
        if os.path.abspath(source) not in excluded:
            yield from _files_of(source, excluded)


def _files_of(path, excluded):
    try:
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        else:
            entries = [_Source(path)]
    except OSError as error:
        yield path, 0, 0, error
        return
    for entry in entries:
        if excluded and os.path.abspath(entry.path) in excluded:
            continue
        try:
            if entry.is_dir():
                # A link to a folder could lead round in circles.
                if not entry.is_symlink():
                    yield from _files_of(entry.path, excluded)
            else:
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):  # no pipe, no device
                    yield entry.path, status.st_size, status.st_mtime_ns, None
        except OSError as error:
            yield entry.path, 0, 0, error


class _Source:
    """A file that was named, as an entry of a folder."""

    def __init__(self, path):
        self.path = path

    def is_dir(self):
        return False

    def stat(self):
        return os.stat(self.path)


Survey = namedtuple('Survey', 'fingerprint count')
Survey.__doc__ = """What the files of sources are, at a glance.

Attributes
----------
fingerprint : str
    A hash that changes when a file does. Made from paths within the sources,
    sizes and times of modification, not from contents, so that it is quick
    for a disk of DICOM.
count : int
    Of files.
"""


def survey(sources, excluded=()):
    """The :class:`Survey` of sources.

    Raises
    ------
    UserError
        If a source does not exist.
    """
    digest, count = hashlib.sha256(), 0
    for source in sources:
        if not os.path.exists(source):
            raise UserError(f'{source} does not exist')
        for path, size, changed, error in files_of([source], excluded):
            digest.update(
                repr(
                    (path[len(source) :], size, changed, error is None)
                ).encode('utf-8', 'surrogateescape')
            )
            count += 1
    return Survey(digest.hexdigest(), count)


def scan(catalogue, sources, workers, depth, excluded=(), progress=None):
    """Enter all files of the sources into a catalogue.

    Parameters
    ----------
    catalogue : kneerepro.data.reading.catalogue.Catalogue
        Files that are in it already are passed over.
    sources : list of str
    workers : kneerepro.utils.workers.Workers
    depth : int
        Slices of a volume in a .npy file of the thesis's 4-D dataset.
    excluded : collection of str
    progress : callable, optional
        Called with the number of files done.
    """
    known = catalogue.known_files()
    files = (
        (depth, path, size, changed, error and reason(error))
        for path, size, changed, error in files_of(sources, excluded)
        if not known(path)
    )
    tasks = iter(lambda: list(itertools.islice(files, _BATCH)), [])
    done = 0
    for batch, results in workers.map(_read_batch, tasks, _crashed):
        catalogue.add_files(
            (
                path,
                size,
                changed,
                *(content if kind == 'defect' else (None, None)),
                kind,
                content,
            )
            for (_, path, size, changed, _), (kind, content) in zip(
                batch, results
            )
        )
        catalogue.commit()
        done += len(batch)
        if progress is not None:
            progress(done)


def _is_companion(path):
    """Whether the name of a file that is no DICOM promises none either.

    What looks like an image, as do the OAI's names without an extension, and
    is none has been damaged; a readme has not.
    """
    name = os.path.basename(path).lower()
    return name.startswith('.') or name.endswith(_COMPANIONS)


def _read_batch(batch):
    return [_read(*file) for file in batch]


def _read(depth, path, size, changed, error):
    """What a file holds: ('frames' or 'volumes', list) or ('defect', (code,
    message)).
    """
    if error:
        return 'defect', ('UNREADABLE', error)
    try:
        with open(path, 'rb', buffering=0) as file:
            head = file.read(1024)
        if arrays.is_array_file(head):
            return 'volumes', arrays.find_volumes(path, depth)
        return 'frames', read_frames(path)
    except OSError as error:
        return 'defect', ('UNREADABLE', reason(error))
    except DefectError as error:
        passed_over = error.code == 'NOT_DICOM' and _is_companion(path)
        return 'defect', (None if passed_over else error.code, error.message)


def _crashed(batch):
    return [
        (
            'defect',
            (
                'UNREADABLE',
                'reading it, or one of the files before '
                'or after it, ended the process',
            ),
        )
    ] * len(batch)
