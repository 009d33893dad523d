"""The position and the patient of each volume, for files made from it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.identity import keyed_hash, load_key
from kneerepro.data.writing.records import Subject, nominal_grid
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed
from kneerepro.utils.text import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--original-size`` and ``--identifiers``."""
    parser.add_argument(
        '--original-size',
        action='store_true',
        help='nifti and dicom: resample to the voxels of the original series '
        '(cubic), without the padding',
    )
    parser.add_argument(
        '--identifiers',
        action='store_true',
        help='dicom: write the PatientIDs, from a dataset that was prepared '
        'with --identifiers',
    )


def subjects_of(dataset: Dataset, args: argparse.Namespace) -> list[Subject]:
    """The subject of each volume.

    Warns if volumes are to be written whose position is unknown.

    Parameters
    ----------
    dataset : Dataset
    args : argparse.Namespace
        With the arguments of :func:`add_arguments`, `data`, `key_file` and
        `format`.

    Returns
    -------
    list of Subject

    Raises
    ------
    UserError
        If the dataset lacks what the arguments ask for.
    """
    count = len(dataset.volumes)
    unknown = sum(original is None for original in dataset.originals)
    if unknown and args.original_size:
        raise UserError(
            f'{args.data} does not record where {unknown:,} of its '
            f'{count:,} volumes lie: prepare it again from DICOM, or leave '
            'out --original-size'
        )
    if unknown and args.format != ['npy']:
        print(
            f'warning: {printable(args.data)} does not record where '
            f'{unknown:,} of its {count:,} volumes lie: they are placed at '
            'the origin, with voxels of 1 mm; to change that, prepare it '
            'again from DICOM',
            file=sys.stderr,
        )
    patients: Sequence[str] = [''] * count
    if 'dicom' in args.format:
        patients = _patient_ids(dataset, args)
    return [
        Subject(
            grid=grid or nominal_grid(dataset.shape),
            original=original,
            frame_of_reference=str(frame),
            patient=patient,
            side=str(side),
        )
        for grid, original, frame, patient, side in zip(
            dataset.grids,
            dataset.originals,
            dataset.frame_of_reference,
            patients,
            dataset.side,
        )
    ]


def _patient_ids(dataset: Dataset, args: argparse.Namespace) -> list[str]:
    """What to write as PatientID: by default, hashes."""
    kept = dataset.provenance.get('identifiers')
    if args.identifiers and not kept:
        raise UserError(
            f'{args.data} does not hold PatientIDs: prepare a dataset with '
            f'{typed("prepare")} --identifiers, and pass it'
        )
    patients = [str(patient) for patient in dataset.patient]
    if args.identifiers:
        # A backslash would separate several values.
        return [patient.replace('\\', '_') for patient in patients]
    if kept is False:
        return patients
    key = load_key(args.key_file)
    return [keyed_hash(key, patient) for patient in patients]
