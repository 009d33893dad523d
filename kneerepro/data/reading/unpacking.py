"""Read the headers of all files of sources, including those in archives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import astuple

from kneerepro.data.reading.archive_formats import is_archive
from kneerepro.data.reading.archives import Contents, is_unpacked, unpack
from kneerepro.data.reading.catalogue import Catalogue, FileRecord
from kneerepro.data.reading.defects import Defect
from kneerepro.data.reading.scan import scan
from kneerepro.utils.files import replacing
from kneerepro.utils.workers import Workers

# How deep archives may lie within each other.
_LEVELS = 2

#: Called with 'reading headers', 'unpacking' or 'converting', and the numbers
#: done, in total and rejected.
Progress = Callable[[str, int, int, int], None]


class Archives:
    """The archives among the files of sources, and what is in them.

    Archives are unpacked to a folder, in which each has the path that it has
    in its source. A context manager, which removes a temporary folder.

    Parameters
    ----------
    sources : list of str
        Folders or files.
    folder : str, optional
        Where to unpack to. What a call that was killed has unpacked there is
        kept. By default a temporary folder, made only if there is an archive.
    """

    def __init__(self, sources: list[str], folder: str | None = None):
        self._sources, self._folder = sources, folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def scan(
        self,
        catalogue: Catalogue,
        workers: Workers,
        depth: int,
        total: int,
        excluded: Collection[str] = (),
        progress: Progress | None = None,
    ) -> None:
        """Read all files that are not yet in a catalogue.

        Archives leave no trace in it but their members, and what is wrong
        with them.

        Parameters
        ----------
        catalogue, workers, depth, excluded
            As for :func:`kneerepro.data.reading.scan.scan`.
        total : int
            Number of files of the sources.
        progress : callable, optional
            Called with what is done, the numbers done and in total, and 0.

        Raises
        ------
        UserError
            If an archive cannot be unpacked for lack of space.
        """

        def scan_files(sources, total, excluded=()):
            show = progress and (
                lambda done: progress('reading headers', done, total, 0)
            )
            scan(
                catalogue,
                sources,
                workers,
                depth,
                excluded,
                show,
                self.shown,
            )

        scan_files(self._sources, total, excluded)
        for level in range(1, _LEVELS + 1):
            folders, count = [], 0
            for path in self._found(catalogue, level, progress):
                folder = self._place(path, level)
                contents = self._unpack(path, folder)
                self._note_defects(catalogue, path, folder, contents)
                if contents.sizes:
                    folders.append(folder)
                    count += len(contents.sizes)
            if not folders:
                return
            scan_files(folders, count)
        for path in self._found(catalogue, _LEVELS + 1):
            problem = 'it lies within other archives: unpack the outermost'
            contents = Contents(defects={'': Defect('BAD_ARCHIVE', problem)})
            self._note_defects(catalogue, path, '', contents)

    def shown(self, path: str) -> str:
        """The path by which a user knows a file.

        Parameters
        ----------
        path : str

        Returns
        -------
        str
            For an unpacked file, that of the archive, followed by the path
            within it.
        """
        level = self._level(path)
        if not level:
            return path
        inner = os.path.relpath(path, self._folder)
        number, _, inner = inner.partition(os.sep)
        source = self._sources[int(number.partition('-')[2])]
        return os.path.join(_base(source), inner)

    # -------------------------------------------------------------------------

    def _found(self, catalogue, level, progress=None) -> Iterator[str]:
        """Archives that lie in the sources or, above level 1, in archives."""
        # A file of another kind is not opened again: all archives are among
        # those that nothing else could be made of.
        rejected = catalogue.defective_files() + catalogue.passed_over_files()
        found = [
            path
            for path, *_ in rejected
            if self._level(path) == level - 1 and is_archive(path)
        ]
        for done, path in enumerate(found, 1):
            yield path
            if progress is not None:
                progress('unpacking', done, len(found), 0)

    def _level(self, path):
        """Within how many archives a file lies."""
        folder = self._folder and os.path.join(self._folder, '')
        if not folder or not path.startswith(folder):
            return 0
        return int(path[len(folder) :].partition('-')[0])

    def _place(self, path, level):
        """The folder to which an archive is unpacked."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix='kneerepro-')
            self._stack.callback(
                shutil.rmtree, self._folder, ignore_errors=True
            )
        shown = self.shown(path)
        inner = [
            os.path.relpath(shown, _base(source)) for source in self._sources
        ]
        number = next(
            number
            for number, path in enumerate(inner)
            if path.split(os.sep)[0] != os.pardir
        )
        return os.path.join(self._folder, f'{level}-{number}', inner[number])

    def _unpack(self, path, folder):
        """Unpack an archive, unless an earlier call has."""
        status = os.stat(path)
        state = [status.st_size, status.st_mtime_ns]
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()
        written = os.path.join(self._folder, 'contents', digest + '.json')
        with (
            contextlib.suppress(OSError, ValueError, KeyError, TypeError),
            open(written) as file,
        ):
            before = json.load(file)
            if before['archive'] != state:
                shutil.rmtree(folder)
            elif all(
                is_unpacked(os.path.join(folder, name), size, state[1])
                for name, size in before['sizes'].items()
            ):
                return Contents(
                    before['sizes'],
                    {
                        name: Defect(*defect)
                        for name, defect in before['defects'].items()
                    },
                )
        contents = unpack(path, folder)
        with replacing(written) as temporary, open(temporary, 'w') as file:
            defects = {
                name: astuple(defect)
                for name, defect in contents.defects.items()
            }
            json.dump(
                {
                    'archive': state,
                    'sizes': contents.sizes,
                    'defects': defects,
                },
                file,
            )
        return contents

    def _note_defects(self, catalogue, path, folder, contents):
        """Replace an archive in a catalogue by what is wrong with it."""
        catalogue.forget_file(path)
        for name, defect in contents.defects.items():
            path_of_member = os.path.join(folder, name) if name else path
            catalogue.forget_file(path_of_member)  # of a run that was killed
            record = FileRecord(
                path=path_of_member,
                size=0,
                modified=0,
                code=defect.code,
                message=defect.message,
            )
            catalogue.add_files([record], self.shown)
        catalogue.commit()


def _base(source):
    """The folder from which paths within a source are counted."""
    return source if os.path.isdir(source) else os.path.dirname(source)
