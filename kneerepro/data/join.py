"""Join the parts that several machines have converted to one dataset.

The result is the file that one machine would have made of all series, byte for
byte, and so are the reports.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator
from typing import Any

import kneerepro
from kneerepro.data.assembly import Assembly, keep_current
from kneerepro.data.convert import Options
from kneerepro.data.dataset import new_dataset
from kneerepro.data.decisions import Summary
from kneerepro.data.label_table import LabelTable, read_labels
from kneerepro.data.npy import npy_path, write_npy
from kneerepro.data.outcomes import Outcome
from kneerepro.data.part_files import PartFile, read_volume
from kneerepro.data.reading.identity import keyed_hash
from kneerepro.data.reading.unpacking import Progress
from kneerepro.data.report import report_paths
from kneerepro.data.sealed import PART, is_sealed
from kneerepro.data.workspace import (
    refuse_to_replace,
    require_space,
    working_folder,
)
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed

# What is said if a value differs between parts; otherwise it is an option.
_DIFFERENCES = {
    'version': 'by two versions of this package',
    'source': 'from other files, or from files with other times of '
    'modification',
    'key': "with two keys for the patients' hashes: give all the same "
    '--key-file',
    'labels': 'with two tables of labels, or other columns of one',
}


def join_parts(
    out: str,
    paths: list[str],
    *,
    labels: str | None = None,
    key: Callable[[], bytes],
    overwrite: bool = False,
    npy: bool = False,
    progress: Progress | None = None,
) -> Summary | None:
    """Join parts to a dataset file.

    Parameters
    ----------
    out : str
        The file to write. If it was made from the same, it is kept.
    paths : list of str
        All parts, in any order: what
        :func:`kneerepro.data.prepare_part.prepare_part` made.
    labels : str, optional
        The table of labels with which the parts were made.
    key : callable
        Returns the key for the patients' hashes; called only if patients of
        that table have to be named.
    overwrite : bool
        Replace `out` even if it is something else.
    npy : bool
        Also write the volumes to ``out`` with the ending .npy.
    progress : callable, optional
        Called with the current phase ('checking parts' or 'joining') and the
        numbers done, in total, and rejected.

    Returns
    -------
    Summary or None
        None if `out` was kept.

    Raises
    ------
    UserError
        If a part is missing, is there twice, is damaged or does not belong to
        the others; if the labels are not those of the parts; if no volume was
        converted, or `out` cannot be written.
    """
    out = os.path.abspath(out)
    if is_sealed(out, PART):
        raise UserError(
            f'{out} is itself a part: name the file to write before the parts'
        )
    files = _read(paths, progress)
    _check_together(files)
    made_from = files[0].whole.made_from
    if keep_current(out, made_from, 1, npy):
        return None
    table = _read_table(labels, made_from)
    name_of = _namer(made_from, table, key)
    with working_folder(out + '.partial', out) as finished:
        if not overwrite:
            refuse_to_replace([out, npy_path(out)] if npy else [out])
        _require_space(out, files, npy)
        options = Options(**made_from['options'])
        with new_dataset(
            out, files[0].shape, os.path.join(out + '.partial', 'joined.h5')
        ) as writer:
            assembly = Assembly(out, writer, options, read_volume)
            for outcome in _outcomes(files, progress):
                assembly.add(outcome)
            if assembly.summary().converted == 0:
                assembly.write_report()
                raise UserError(
                    f'none of the {files[0].whole.series} series could be '
                    f'converted: see the reasons in {report_paths(out)[0]}'
                )
            summary = assembly.finish(made_from, table, name_of)
        if npy:
            write_npy(out)
        finished()
    return summary


def _read(paths, progress):
    """The files of the parts, in the order of the parts."""
    files = []
    for done, path in enumerate(paths, 1):
        files.append(PartFile(path))
        if progress is not None:
            progress('checking parts', done, len(paths), 0)
    return sorted(files, key=lambda file: file.part.number)


def _check_together(files: list[PartFile]) -> None:
    """Raise UserError unless these are all parts of one dataset."""
    first = files[0]
    by_number: dict[int, str] = {}
    for file in files:
        both = f'{first.path} and {file.path} do not belong together'
        if file.part.count != first.part.count:
            raise UserError(
                f'{both}: they are {first.part} and {file.part}; name the '
                'parts of one division alone'
            )
        difference = _difference(first.whole.made_from, file.whole.made_from)
        if difference:
            raise UserError(
                f'{both}: they were made {difference}; make the parts again '
                'with the same'
            )
        if file.whole != first.whole:
            raise UserError(
                f'{both}: their machines found different series in the same '
                'files, as if one could not read some of them or lacked a '
                'library; make the parts again'
            )
        if file.part.number in by_number:
            raise UserError(
                f'{by_number[file.part.number]} and {file.path} are both '
                f'{file.part}: name one of them'
            )
        by_number[file.part.number] = file.path
    version = first.whole.made_from['version']
    if version != kneerepro.__version__:
        raise UserError(
            f'the parts were made by version {version} of this package, and '
            f'this is {kneerepro.__version__}: join them with that version'
        )
    count = first.part.count
    missing = [n for n in range(1, count + 1) if n not in by_number]
    if missing:
        more = f' and {len(missing) - 10} others' if missing[10:] else ''
        raise UserError(
            f'missing of {count} parts: {", ".join(map(str, missing[:10]))}'
            f'{more}; name their files too, or make them with '
            f'{typed("prepare")} --part {missing[0]}/{count}'
        )


def _difference(first: dict[str, Any], second: dict[str, Any]) -> str:
    """In what two parts differ that were made from these; '' if in nothing."""
    for name in sorted({*first, *second}):
        one, other = first.get(name), second.get(name)
        if one == other:
            continue
        if name in _DIFFERENCES:
            return _DIFFERENCES[name]
        if isinstance(one, dict) and isinstance(other, dict):
            return _difference(one, other)
        option = '--' + name.replace('_', '-')
        return f'with other options ({option}: {one} and {other})'
    return ''


def _read_table(
    path: str | None, made_from: dict[str, Any]
) -> LabelTable | None:
    """The table of labels with which the parts were made, if any."""
    made_with = made_from['labels']
    if made_with is None:
        if path is None:
            return None
        raise UserError(
            f'the parts were made without labels, so {path} cannot be joined: '
            'make them again with --labels'
        )
    if path is None:
        raise UserError(
            'the parts were made with labels: name the same table with '
            '--labels'
        )
    if read_labels(path).hash != made_with['sha256']:
        raise UserError(
            f'{path} is not the table of labels with which the parts were '
            'made: name that one with --labels'
        )
    return read_labels(path, made_with['columns'])


def _namer(
    made_from: dict[str, Any],
    table: LabelTable | None,
    key: Callable[[], bytes],
) -> Callable[[str], str]:
    """What returns the name that the report gives a patient."""
    if table is None or made_from['identifiers']:
        return str
    secret = key()
    if keyed_hash(secret, '') != made_from['key']:
        raise UserError(
            "the parts were made with another key for the patients' hashes: "
            'name it with --key-file'
        )
    return lambda patient: keyed_hash(secret, patient)


def _require_space(out, files, npy):
    volumes = sum(file.summary().converted for file in files)
    depth, rows, columns = files[0].shape
    size = 4 * volumes * depth * rows * columns
    require_space(os.path.dirname(out), size * (2 if npy else 1), out)


def _outcomes(
    files: list[PartFile], progress: Progress | None
) -> Iterator[Outcome]:
    """What came of all files and series, in the order of the dataset."""
    yield from files[0].files
    total = files[0].whole.series
    rejected = 0
    series = heapq.merge(*(file.outcomes for file in files), key=_position)
    for done, (_, outcome) in enumerate(series, 1):
        rejected += bool(outcome.code)
        yield outcome
        if progress is not None:
            progress('joining', done, total, rejected)


def _position(item):
    return item[0]
