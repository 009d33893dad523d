"""The formats in which commands write volumes."""

from __future__ import annotations

import argparse

from kneerepro.data.writing.dicom import DicomWriter
from kneerepro.data.writing.nifti import NiftiWriter
from kneerepro.data.writing.npy import NpyWriter
from kneerepro.data.writing.writer import Writer
from kneerepro.utils import cli

#: The writer of each format.
FORMATS: dict[str, type[Writer]] = {
    'npy': NpyWriter,
    'nifti': NiftiWriter,
    'dicom': DicomWriter,
}


def add_argument(parser: argparse.ArgumentParser, explanation: str) -> None:
    """Add ``--format``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    explanation : str
        For ``--help``.
    """
    read = cli.one_of(FORMATS)
    parser.add_argument(
        '--format',
        type=lambda text: list(dict.fromkeys(map(read, text.split(',')))),
        default=['npy'],
        metavar='NAME',
        help=f'{", ".join(FORMATS)}, or several with commas between them '
        f'(default: npy); {explanation}',
    )


def paths(names: list[str], parent: str) -> list[str]:
    """What the writers of some formats write.

    Parameters
    ----------
    names : list of str
        Keys of :data:`FORMATS`.
    parent : str
        Folder to write to.

    Returns
    -------
    list of str
        The path of a folder ends with a slash.
    """
    return [path for name in names for path in FORMATS[name].paths(parent)]
