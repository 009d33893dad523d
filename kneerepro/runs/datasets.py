"""Find the dataset of a run, wherever it is now."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from kneerepro.data.dataset import Dataset
from kneerepro.runs.run import Run
from kneerepro.utils.errors import UserError


def find_dataset(
    run: Run, paths: Iterable[str] = (), out: str | None = None
) -> str | None:
    """Find the dataset that a run was started with, by its hash.

    Parameters
    ----------
    run : kneerepro.runs.Run
    paths : iterable of str
        Dataset files to look at first.
    out : str, optional
        Folder of all runs, whose datasets are looked at, too.

    Returns
    -------
    str or None
        One of `paths`, or where the dataset was when the run was started, or
        in the folder ``datasets`` beside the runs. None if it is nowhere.
    """
    candidates = [*paths, run.arguments.get('data')]
    for root in (out, folder_of_runs(run)):
        if root is not None:
            folder = glob.escape(datasets_folder(root))
            candidates += sorted(glob.glob(os.path.join(folder, '*.h5')))
    wanted = run.settings['data']['hash']
    for path in candidates:
        if path and hash_of(path) == wanted:
            return path
    return None


def folder_of_runs(run: Run) -> str:
    """The folder of all runs in which a run lies."""
    return os.path.dirname(os.path.dirname(os.path.abspath(run.folder)))


def datasets_folder(out: str) -> str:
    """Where the datasets of all runs are that were made for them.

    Parameters
    ----------
    out : str
        Folder of all runs.
    """
    return os.path.join(out, 'datasets')


def hash_of(path: str) -> str | None:
    """The hash that a dataset file states; None if it is no dataset.

    Parameters
    ----------
    path : str
        Of anything.
    """
    if not os.path.isfile(path):
        return None
    try:
        with Dataset(path, verify=False) as dataset:
            return dataset.hash
    except UserError:
        return None
