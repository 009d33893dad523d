"""What the commands share: loading a model, opening images, and checking
outputs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import partial

import numpy as np

from kneerepro import engines, runs
from kneerepro.algorithms.common import input_layer
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.ensure import ensure_dataset, is_source_file
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading import selection
from kneerepro.data.reading.identity import add_key_file, load_key
from kneerepro.data.report import report_paths
from kneerepro.data.splits import check_range
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.runs import zoo
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed
from kneerepro.utils.text import printable


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add ``MODEL``."""
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='folder of a finished run, or its model.npz',
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add ``DATA``, the selection of series and ``--key-file``."""
    parser.add_argument(
        'data',
        metavar='DATA',
        help='folder or archive of DICOM series, prepared each time in the '
        f"same way as the model's training data ({typed('prepare')} does it "
        'once), or an HDF5 dataset',
    )
    selection.add_arguments(parser)
    add_key_file(parser)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add ``--overwrite``, ``--engine``, ``--device`` and ``--precision``."""
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace outputs that already exist',
    )
    engines.add_arguments(parser)


def load_model(path: str, experiments: Collection[str]) -> zoo.Model:
    """Load the networks of a run.

    Parameters
    ----------
    path : str
        Folder of a finished run, or a file of :func:`kneerepro.runs.zoo.save`.
    experiments : collection of str
        The experiments whose models are accepted.

    Returns
    -------
    kneerepro.runs.zoo.Model

    Raises
    ------
    UserError
        If there is no model, or it belongs to another experiment.
    """
    file = path
    if os.path.isdir(path):
        run = runs.Run(path)
        if not run.finished:
            raise UserError(f'{path} is not finished; {run.how_to_resume()}')
        file = run.path('model.npz')
        if not os.path.exists(file):
            raise UserError(
                f'{path} has lost its model.npz: restore it, or train again'
            )
    model = zoo.load(file)
    if model.experiment not in experiments:
        command = 'encode' if model.experiment in AUTOENCODERS else 'generate'
        raise UserError(
            f'{path} is a model of {model.experiment}, but this command takes '
            f'one of {", ".join(experiments)}: use {command} instead'
        )
    return model


@contextlib.contextmanager
def open_data(
    args: argparse.Namespace, model: zoo.Model, out: str
) -> Iterator[Dataset]:
    """Open the volumes, prepared like those that the model was trained on.

    A folder of series is prepared in a temporary folder beside the output,
    which is removed at the end. If the preparation is stopped, the same
    command resumes it there.

    Parameters
    ----------
    args : argparse.Namespace
        With the arguments of :func:`add_data`.
    model : kneerepro.runs.zoo.Model
    out : str
        The output. The temporary folder adds .partial to its name.

    Yields
    ------
    Dataset

    Raises
    ------
    UserError
        If there are no volumes, or the model does not fit them. A dataset
        that was normalised or mirrored differently is refused as well: its
        values have another meaning, which the result would not reveal.
    """
    options = _training_options(model)
    if not os.path.isfile(args.data) or is_source_file(args.data):
        if options is None:
            raise UserError(
                f'{args.model} does not record how its training data were '
                f'prepared: prepare your data with {typed("prepare")}, and '
                'pass the dataset'
            )
        if options.normalise == 'dataset':
            print(
                'warning: these volumes are scaled by their own minimum and '
                'maximum, and the training data by theirs',
                file=sys.stderr,
            )
    with _temporary_dataset(out) as temporary:
        with PhaseProgress() as progress:
            path = ensure_dataset(
                args.data,
                temporary,
                options or Options(),
                selection.selection_of(args),
                key=partial(load_key, args.key_file),
                at_least=1,
                report=lambda line: _report(line, temporary),
                progress=progress,
            )
        with Dataset(path) as dataset:
            _check_shape(dataset, args.data, model)
            _check_treatment(dataset, args.data, model, options)
            check_range(dataset.volumes)
            yield dataset


@contextlib.contextmanager
def _temporary_dataset(out: str) -> Iterator[str]:
    """Yield a path for a dataset that is removed at the end."""
    folder = os.path.abspath(out) + '.partial'
    path, parent = os.path.join(folder, 'volumes.h5'), os.path.dirname(folder)
    new = not os.path.isdir(parent)
    try:
        yield path
    finally:
        for written in [path, *report_paths(path)]:
            with contextlib.suppress(OSError):  # it may not have been written
                os.remove(written)
        with contextlib.suppress(OSError):  # it may be missing or in use
            os.rmdir(folder)
        with contextlib.suppress(OSError):
            if new:
                os.rmdir(parent)


def _training_options(model: zoo.Model) -> Options | None:
    """How the model's training data were prepared; None if the model does
    not record it.
    """
    try:
        data = model.about['data']
        # A dataset that the user supplied may come from another program, so
        # the parameters say nothing about it.
        recorded = (
            data['options'] if 'options' in data else model.about['parameters']
        )
        return Options(
            depth=data['shape'][0],
            size=data['shape'][1],
            normalise=recorded['normalise'],
            flip_left=recorded['flip_left'],
        )
    except (KeyError, TypeError):
        return None


def _check_shape(dataset, path, model):
    """Refuse examples of another size than the model's."""
    # Images go into an autoencoder's encoder, or into a GAN's second network.
    spec = EXPERIMENTS[model.experiment]
    reader = model.networks[0 if spec.autoencoder else 1]
    expected = input_layer(reader).shape[2:]
    found = dataset.shape[-len(expected) :]
    if found == expected:
        return
    kind = 'slices' if len(expected) == 2 else 'volumes'
    flags = f'--size {expected[-1]}'
    if kind == 'volumes':
        flags = f'--depth {expected[0]} {flags}'
    raise UserError(
        f'{path} has {kind} of {_times(found)}, but the model takes '
        f'{_times(expected)}: prepare it again with {typed("prepare")} '
        + flags
    )


def _check_treatment(dataset, path, model, options):
    """Refuse volumes that were prepared differently, if that is known."""
    recorded = dataset.provenance.get('options')
    if (
        options is None
        or recorded is None
        or dataset.hash == model.about['data'].get('hash')
    ):
        return
    if recorded['normalise'] != options.normalise:
        raise UserError(
            f'{path} was prepared with --normalise {recorded["normalise"]}, '
            f'but the training data with --normalise {options.normalise}: '
            f'prepare it again with {typed("prepare")} '
            f'--normalise {options.normalise}'
        )
    if recorded['flip_left'] != options.flip_left:
        found, flag = (
            ('not mirrored', 'with')
            if options.flip_left
            else ('mirrored', 'without')
        )
        raise UserError(
            f'left knees are {found} in {path}, unlike in the training data: '
            f'prepare it again with {typed("prepare")}, {flag} --flip-left'
        )


def _times(shape: Iterable[int]) -> str:
    return ' x '.join(map(str, shape))


def _report(line: str, temporary: str) -> None:
    # The report on the preparation is removed with the temporary dataset.
    if report_paths(temporary)[0] in line:
        line = (
            f'{typed("inspect")} lists these series and files, with the '
            'reasons'
        )
    print(printable(line))


def refuse_existing(paths: Iterable[str], overwrite: bool) -> None:
    """Refuse to replace files, unless told to.

    Parameters
    ----------
    paths : iterable of str
        Those of folders end with a slash.
    overwrite : bool

    Raises
    ------
    UserError
        If a path exists. With `overwrite`, only if a folder is in the place
        of a file or a file in the place of a folder, or if a folder holds
        anything but volumes, since it may be the user's own.
    """
    for path in paths:
        folder = path.endswith(os.sep)
        path = path.rstrip(os.sep)
        if os.path.isdir(path) != folder and os.path.lexists(path):
            raise UserError(
                f'cannot write {path}: it is '
                f'{"not a" if folder else "a"} folder'
            )
        if not os.path.lexists(path):
            continue
        if not overwrite:
            raise UserError(
                f'{path} already exists: choose another --out, or add '
                '--overwrite'
            )
        if folder and not all(map(_is_output, os.listdir(path))):
            raise UserError(
                f'cannot replace {path}: it holds more than volumes that '
                'this command wrote; choose another --out'
            )


def _is_output(name: str) -> bool:
    return name.startswith(('volume_', 'generated'))


def as_batch(volume: np.ndarray, model: zoo.Model) -> np.ndarray:
    """Turn a volume into a minibatch: of itself, or of its slices.

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
