"""The dataset that an experiment or a command works on, made if need be."""

from __future__ import annotations

import os
from typing import Callable

from kneerepro.data.convert import Options
from kneerepro.data.prepare import describe, prepare
from kneerepro.data.reading import arrays
from kneerepro.data.reading.archive_formats import is_archive
from kneerepro.data.reading.checks import Limits
from kneerepro.data.reading.image_headers import is_image_file
from kneerepro.data.reading.selection import Selection
from kneerepro.data.reading.unpacking import Progress
from kneerepro.data.settings import Settings


def ensure_dataset(
    path: str,
    out: str,
    options: Options,
    selection: Selection,
    *,
    key: Callable[[], bytes],
    limits: Limits | None = None,
    at_least: int = 2,
    report: Callable[[str], None] = print,
    progress: Progress | None = None,
) -> str:
    """Make a dataset file for an experiment, unless there is one already.

    Parameters
    ----------
    path : str
        A dataset file, which is used as it is, or a source for
        :func:`kneerepro.data.prepare.prepare`.
    out : str
        The dataset file to write from a source.
    options, selection, limits, at_least, progress
        As for :class:`kneerepro.data.settings.Settings` and
        :func:`kneerepro.data.prepare.prepare`.
    key : callable
        Returns the key for the patients' hashes; called only if a dataset
        has to be made.
    report : callable
        Called with each line of text on what was converted and left out.

    Returns
    -------
    str
        Path of the dataset file.
    """
    if os.path.isfile(path) and not is_source_file(path):
        return path
    summary = prepare(
        [path],
        out,
        Settings(
            key=key(),
            options=options,
            limits=limits or Limits(),
            selection=selection,
        ),
        overwrite=True,
        at_least=at_least,
        report_failure=False,
        progress=progress,
    )
    if summary is not None:
        for line in describe(summary, out):
            report(line)
    return out


def is_source_file(path: str) -> bool:
    """Tell whether a file holds images to prepare, and is no dataset.

    Parameters
    ----------
    path : str
        Also a folder, or a file that is missing.

    Returns
    -------
    bool
    """
    if not os.path.isfile(path):
        return False
    with open(path, 'rb') as file:
        head = file.read(1024)
    return (
        arrays.is_array_file(head)
        or is_image_file(head, path)
        or is_archive(path)
    )
