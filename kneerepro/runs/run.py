"""A run of an experiment and the files in its folder."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kneerepro import config
from kneerepro.engines import PRECISIONS, stored_precision
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import archive
from kneerepro.runs.checkpoints import Checkpoints
from kneerepro.utils import locks
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing
from kneerepro.utils.scripts import typed

_RESULTS = 'results'


class Run:
    """A run and its folder; :mod:`kneerepro.runs` lists the files in it.

    Parameters
    ----------
    folder : str
        A folder with a ``config.json``.

    Attributes
    ----------
    folder : str
    config : dict
        The content of ``config.json``: ``settings`` and ``arguments``.
    settings : dict
        What determines the results.
    arguments : dict
        The command-line arguments that the settings were derived from.
    experiment : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    parameters : dict
        The parameters of :mod:`kneerepro.config`, completed by
        :func:`kneerepro.config.fill_missing`.
    checkpoints : Checkpoints

    Raises
    ------
    UserError
        If the folder holds no run, or one of an unknown experiment.
    """

    def __init__(self, folder: str):
        self.folder = folder
        try:
            with open(self.path('config.json'), encoding='utf-8') as file:
                self.config = json.load(file)
            self.settings = self.config['settings']
            self.arguments = self.config['arguments']
            self.experiment = self.settings['experiment']
            if self.experiment not in EXPERIMENTS:
                raise UserError(
                    f'{folder} is not a run of this version: it has no '
                    f'experiment {self.experiment}; use the version of the '
                    'package that made the run'
                )
            self.parameters = config.fill_missing(
                self.settings['parameters'], self.experiment
            )
        except OSError as error:
            raise UserError(
                f'{folder} is not a run: config.json: {reason(error)}; '
                f'{typed("runs")} lists the runs'
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f'{folder} is not a run of this package, or its config.json '
                f'is damaged ({error!r})'
            ) from None
        self.checkpoints = Checkpoints(self.path('checkpoints'), self.settings)

    def path(self, *names: str) -> str:
        """Return the path of a file in the run's folder."""
        return os.path.join(self.folder, *names)

    # ------------------------------------------------- what state it is in

    def created_ns(self) -> int:
        """Return when the run was created, in nanoseconds since 1970."""
        return os.stat(self.path('config.json')).st_mtime_ns

    @property
    def finished(self) -> bool:
        """Whether the run has its results."""
        return os.path.exists(self.path('results.npz'))

    def state(self) -> str:
        """Return 'finished', 'running' or 'stopped'."""
        if self.finished:
            return 'finished'
        held = locks.is_held(self.path('config.json'))
        return 'running' if held else 'stopped'

    def saved_iteration(self) -> int:
        """Return the iteration of the last checkpoint, or 0 without any."""
        return self.checkpoints.last_iteration()

    def describe_progress(self) -> str:
        """Tell in a few words what is done."""
        if self.finished:
            return 'training is complete, the figures are still to be drawn'
        iteration = self.saved_iteration()
        if iteration:
            return f'iteration {iteration} is saved'
        return 'no iteration is saved, so it will start again'

    def how_to_resume(self) -> str:
        """Tell which command resumes the run."""
        return (
            f'to resume: {typed(f"train {self.experiment}")} '
            f'--resume {shlex.quote(self.folder)}'
        )

    def differences_from_thesis(self) -> dict[str, tuple[Any, Any]]:
        """Compare parameters and precision with those of the thesis.

        Returns
        -------
        dict of str to tuple
            As :func:`kneerepro.config.differences_from_thesis`.
        """
        differences = config.differences_from_thesis(
            self.parameters,
            self.experiment,
            self.settings['data']['synthetic'],
        )
        precision = stored_precision(self.settings)
        if precision != PRECISIONS[0]:
            differences['precision'] = precision, PRECISIONS[0]
        return differences

    # ------------------------------------------------------- what it keeps

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from working on the run.

        Raises
        ------
        UserError
            If another process already is, or the folder cannot be written.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(
                    locks.exclusive_now(self.path('config.json'))
                )
            except locks.HeldError as error:
                raise UserError(
                    f'{error} is working on {self.folder}: wait for it, or '
                    'stop it'
                ) from None
            except OSError as error:
                raise UserError(
                    f'cannot write to {self.folder}: {reason(error)}; copy '
                    'the run to a folder of your own'
                ) from None
            yield

    def add_environment(self, environment: Mapping[str, Any]) -> None:
        """Append a start's versions and machine to ``environment.json``.

        Parameters
        ----------
        environment : dict
            From :func:`kneerepro.runs.environment.describe`.
        """
        path = self.path('environment.json')
        with replacing(path) as temporary:
            _write_json(temporary, [*self.environments(), environment])

    def environments(self) -> list[dict[str, Any]]:
        """Return the versions and machine of each start, the first one first.

        Returns
        -------
        list of dict
            Empty if the file is missing or damaged: the run needs none of it.
        """
        try:
            with open(self.path('environment.json')) as file:
                return json.load(file)
        except (OSError, ValueError):
            return []

    def save_results(self, results: Mapping[str, Any]) -> None:
        """Write the arrays that the figures show. The run is then finished.

        Parameters
        ----------
        results : dict of str to array

        Raises
        ------
        UserError
            If they cannot be written.
        """
        archive.save(
            self.path('results.npz'), _RESULTS, results, self.settings
        )

    def results(self) -> dict[str, np.ndarray]:
        """Read the arrays that the figures show.

        Raises
        ------
        UserError
            If the run is not finished, or if its results are damaged.
        """
        if not self.finished:
            raise UserError(
                f'{self.folder} is not finished; {self.how_to_resume()}'
            )
        arrays, _ = archive.load(self.path('results.npz'), _RESULTS)
        return arrays


def create(
    root: str, settings: dict[str, Any], arguments: dict[str, Any]
) -> Run:
    """Create a new run.

    Parameters
    ----------
    root : str
        Folder of all runs.
    settings, arguments : dict
        See :class:`Run`. They must be convertible to JSON.

    Returns
    -------
    Run

    Raises
    ------
    UserError
        If its folder cannot be written to.
    """
    name = time.strftime('%Y%m%d-%H%M%S-') + settings['preset']
    folder = _new_folder(root, os.path.join(settings['experiment'], name))
    with replacing(os.path.join(folder, 'config.json')) as temporary:
        _write_json(temporary, {'settings': settings, 'arguments': arguments})
    return Run(folder)


def _new_folder(root: str, name: str) -> str:
    """Create a folder; if the name is taken, append -2, -3, ..."""
    first = folder = os.path.join(root, name)
    number = 1
    while True:
        try:
            os.makedirs(folder)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise UserError(
                    f'cannot write to {root}: a file has the name of a '
                    'folder; give another --out'
                ) from None
        except OSError as error:
            raise UserError(
                f'cannot write to {root}: {reason(error)}'
            ) from None
        else:
            return folder
        number += 1
        folder = f'{first}-{number}'


def find(root: str, experiment: str) -> list[Run]:
    """Find the runs of an experiment.

    Parameters
    ----------
    root : str
        Folder of all runs.
    experiment : str

    Returns
    -------
    list of Run
        The newest first. Folders without a run are ignored.
    """
    parent = os.path.join(root, experiment)
    try:
        names = os.listdir(parent)
    except OSError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(UserError):
            found.append(Run(os.path.join(parent, name)))
    return sorted(found, key=Run.created_ns, reverse=True)


def find_finished(root: str, experiment: str) -> Run | None:
    """Find the newest finished run of an experiment.

    Parameters
    ----------
    root, experiment
        As for :func:`find`.

    Returns
    -------
    Run or None
        None if no run is finished.
    """
    return next((run for run in find(root, experiment) if run.finished), None)


def _write_json(path: str, value: Any) -> None:
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(value, file, indent=1)
        file.write('\n')
