"""The model and the images that a command is given, and its outputs."""

import contextlib
import os
import sys

from kneerepro import engines, runs
from kneerepro.algorithms.common import input_layer
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.prepare import prepare_for
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading import selection
from kneerepro.data.reading.identity import load_key
from kneerepro.data.report import report_paths
from kneerepro.data.splits import check_range
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.runs import zoo
from kneerepro.utils.errors import UserError


def add_model(parser):
    """Add ``MODEL``."""
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='folder of a finished run, or its model.npz',
    )


def add_data(parser):
    """Add ``DATA`` and the selection of series."""
    parser.add_argument(
        'data',
        metavar='DATA',
        help="folder of DICOM series, treated as the model's training data "
        'were (each time; data/prepare.py does it once), or an HDF5 dataset',
    )
    selection.add_arguments(parser)


def add_common(parser):
    """Add ``--overwrite``, ``--engine``, ``--device`` and
    ``--precision``.
    """
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace outputs that are there already',
    )
    engines.add_arguments(parser)


def load_model(path, experiments):
    """The networks of a run.

    Parameters
    ----------
    path : str
        Folder of a finished run, or a file of :func:`kneerepro.runs.zoo.save`.
    experiments : tuple of str
        Of which it may be one.

    Returns
    -------
    kneerepro.runs.zoo.Model

    Raises
    ------
    UserError
        If there are none, or they are those of another experiment.
    """
    file = path
    if os.path.isdir(path):
        run = runs.Run(path)
        if not run.finished:
            raise UserError(f'{path} is not finished; ' + run.how_to_resume())
        file = run.path('model.npz')
        if not os.path.exists(file):
            raise UserError(
                f'{path} has lost its model.npz: bring it back, or train again'
            )
    model = zoo.load(file)
    if model.experiment not in experiments:
        raise UserError(
            f'{path} is a model of {model.experiment}, needed is one of '
            f'{" or ".join(experiments)}; for it there is '
            + ('encode' if model.experiment in AUTOENCODERS else 'generate')
        )
    return model


@contextlib.contextmanager
def open_data(args, model, out):
    """The volumes to work on, treated as those the model was trained on.

    A folder of series is prepared in a folder beside the output, which is
    removed in the end. If that is stopped, the same command goes on there.

    Parameters
    ----------
    args : argparse.Namespace
        With what :func:`add_data` added.
    model : kneerepro.runs.zoo.Model
        An autoencoder.
    out : str
        The output. The folder is called like it, with the ending .partial.

    Yields
    ------
    Dataset

    Raises
    ------
    UserError
        If there are none, or the model is not for them. A dataset that was
        normalised or mirrored otherwise is refused as well: its numbers mean
        something else, and nothing would show it in the result.
    """
    options = treatment(model)
    is_file = os.path.isfile(args.data)
    if options is None and not is_file:
        raise UserError(
            f'{args.model} does not tell how its training data '
            'were prepared: prepare yours with data/prepare.py, '
            'and give the dataset'
        )
    if not is_file and options.normalise == 'dataset':
        print(
            'warning: these volumes are scaled over their own minimum and '
            'maximum, the training data were over theirs',
            file=sys.stderr,
        )
    with _temporary_dataset(out) as temporary:
        with PhaseProgress() as progress:
            path = prepare_for(
                args.data,
                temporary,
                options or Options(),
                selection.selection_of(args),
                key=load_key,
                at_least=1,
                report=_report,
                progress=progress,
            )
        with Dataset(path) as dataset:
            _check(dataset, args.data, model, options)
            check_range(dataset.volumes)
            yield dataset


@contextlib.contextmanager
def _temporary_dataset(out):
    """The path of a dataset that is removed again."""
    folder = os.path.abspath(out) + '.partial'
    path, parent = os.path.join(folder, 'volumes.h5'), os.path.dirname(folder)
    new = not os.path.isdir(parent)
    try:
        yield path
    finally:
        for written in [path, *report_paths(path)]:
            with contextlib.suppress(OSError):  # it was not needed
                os.remove(written)
        with contextlib.suppress(OSError):  # not there, or not empty
            os.rmdir(folder)
        with contextlib.suppress(OSError):
            if new:
                os.rmdir(parent)


def treatment(model):
    """How a model's training data were prepared.

    Returns
    -------
    kneerepro.data.convert.Options or None
        None if the model does not tell.
    """
    try:
        data = model.about['data']
        # A dataset that was given may have been made by another program.
        made = (
            data['options'] if 'options' in data else model.about['parameters']
        )
        return Options(
            data['shape'][0],
            data['shape'][1],
            made['normalise'],
            made['flip_left'],
        )
    except (KeyError, TypeError):
        return None


def _check(dataset, path, model, options):
    needed = input_layer(model.networks[0]).shape[2:]
    found = dataset.shape[-len(needed) :]
    kind = 'slices' if len(needed) == 2 else 'volumes'
    if found != needed:
        flags = f'--size {needed[-1]}'
        if len(needed) == 3:
            flags = f'--depth {needed[0]} ' + flags
        raise UserError(
            f'{path} has {kind} of {_times(found)}, the model is for '
            f'{_times(needed)}: prepare it again, data/prepare.py {flags}'
        )
    made = dataset.provenance.get('options')
    if (
        options is None
        or made is None
        or dataset.hash == model.about['data'].get('hash')
    ):
        return
    if made['normalise'] != options.normalise:
        raise UserError(
            f'{path} was prepared with --normalise {made["normalise"]}, the '
            f'training data with --normalise {options.normalise}: prepare it '
            f'again, data/prepare.py --normalise {options.normalise}'
        )
    if made['flip_left'] != options.flip_left:
        raise UserError(
            f'left knees are {"" if made["flip_left"] else "not "}mirrored '
            f'in {path}, other than in the training data: prepare it again, '
            f'data/prepare.py with{"" if options.flip_left else "out"} '
            '--flip-left'
        )


def _times(shape):
    return ' x '.join(map(str, shape))


def _report(line):
    # The report itself does not stay.
    print(
        'data/inspect.py tells which series or file, and why'
        if line.startswith('which ')
        else line
    )


def refuse_existing(paths, overwrite):
    """Refuse to replace what is there, unless told to.

    Parameters
    ----------
    paths : list of str
    overwrite : bool

    Raises
    ------
    UserError
    """
    for path in paths:
        if os.path.isdir(path):
            raise UserError(f'cannot write {path}: it is a folder')
        if os.path.lexists(path) and not overwrite:
            raise UserError(
                f'{path} is there already: name another --out, '
                'or say --overwrite'
            )


def as_batch(volume, model):
    """A volume as a minibatch: itself, or its slices.

    Parameters
    ----------
    volume : array, shape (1, depth, rows, columns)
    model : kneerepro.runs.zoo.Model

    Returns
    -------
    array, shape (1, 1, depth, rows, columns) or (depth, 1, rows, columns)
    """
    on_volumes = EXPERIMENTS[model.experiment].on_volumes
    return volume[None] if on_volumes else volume[0][:, None]
