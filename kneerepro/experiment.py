"""What the experiments' scripts share around their own work."""

import argparse
import os

from kneerepro import engines
from kneerepro.data import identity, selection
from kneerepro.data.commands import PhaseProgress
from kneerepro.data.prepare import prepare_for


def new_parser(description, out, datasets=True, trains=False):
    """A parser with ``--data``, the selection of series, ``--out`` and, for
    what trains, ``--engine`` and ``--device``.

    Parameters
    ----------
    description : str
        The script's docstring; its first paragraph is shown.
    out : str
        Default folder for the results.
    datasets : bool
        Whether ``--data`` may also be a dataset file.
    trains : bool

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = argparse.ArgumentParser(
        description=description.split('\n\n', 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(
        '--data', metavar='PATH', help='folder of DICOM series'
        + ', or an HDF5 dataset' * datasets + ' (default: synthetic knees)')
    selection.add_arguments(parser)
    parser.add_argument('--out', metavar='DIR', default=out,
                        help='folder for the results')
    if trains:
        engines.add_arguments(parser)
    return parser


def dataset_file(args, source, name, options, at_least=1):
    """The dataset to work on, made where `source` is not one already.

    Parameters
    ----------
    args : argparse.Namespace
        Of :func:`new_parser`.
    source : str
        ``args.data``, or the folder of synthetic knees.
    name : str
        Of the file to make, in ``args.out``.
    options : kneerepro.data.convert.Options
    at_least : int
        Volumes that are needed.

    Returns
    -------
    str
        Path of the dataset file.

    Raises
    ------
    UserError
        As :func:`kneerepro.data.prepare.prepare_for`.
    """
    # Who is who matters to nobody among synthetic knees.
    key = identity.load_key() if args.data else b'synthetic knees'
    with PhaseProgress() as progress:
        return prepare_for(source, os.path.join(args.out, name), options,
                           selection.selection_of(args), key=key,
                           at_least=at_least, progress=progress)
