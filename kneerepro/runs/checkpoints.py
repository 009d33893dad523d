"""The checkpoint files of a run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Callable

import numpy as np

from kneerepro.runs import archive
from kneerepro.runs.archive import ArchiveError

# Two, so that an older one is left if the newest is damaged.
_KEPT = 2
_KIND = 'checkpoint'


class Checkpoints:
    """The checkpoints of a run, one file for each saved iteration.

    Parameters
    ----------
    folder : str
    settings : dict
        The settings of the run, which can be converted to JSON. Checkpoints
        of other settings are not used.
    """

    def __init__(self, folder: str, settings: dict[str, Any]):
        self._folder, self._settings = folder, settings

    def save(
        self, iteration: int, arrays: Mapping[str, Any], meta: dict[str, Any]
    ) -> str:
        """Write the checkpoint of an iteration, and remove all older ones but
        the last.

        Parameters
        ----------
        iteration : int
        arrays : dict of str to array
        meta : dict

        Returns
        -------
        str
            Path of the checkpoint.

        Raises
        ------
        UserError
            If it cannot be written. The others stay as they were.
        """
        path = os.path.join(self._folder, f'{iteration:08}.npz')
        archive.save(
            path,
            _KIND,
            arrays,
            dict(meta, iteration=iteration, settings=self._settings),
        )
        for name in self._names()[:-_KEPT]:
            os.remove(os.path.join(self._folder, name))
        return path

    def load_last(
        self, check: Callable[[dict[str, np.ndarray]], None] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Load the last checkpoint that can be used.

        Prints a warning about each checkpoint that cannot be used.

        Parameters
        ----------
        check : callable, optional
            Raises ArchiveError if the arrays do not fit the run.

        Returns
        -------
        tuple of dict and dict, or None
            The arrays, and the metadata, which include 'iteration'. None if no
            checkpoint can be used.
        """
        for name in reversed(self._names()):
            try:
                arrays, meta = archive.load(
                    os.path.join(self._folder, name), _KIND
                )
                _check_settings(meta['settings'], self._settings)
                if check is not None:
                    check(arrays)
            except ArchiveError as error:
                print(
                    f'warning: skipping checkpoint {name}: {error}',
                    file=sys.stderr,
                )
            else:
                return arrays, meta
        return None

    def last_path(self) -> str | None:
        """Return the path of the last checkpoint, or None without any."""
        names = self._names()
        return os.path.join(self._folder, names[-1]) if names else None

    def last_iteration(self) -> int:
        """Return the iteration of the last checkpoint, or 0 without any."""
        names = self._names()
        return int(os.path.splitext(names[-1])[0]) if names else 0

    def _names(self) -> list[str]:
        """Return the file names, the oldest first."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return sorted(
            name for name in names if re.fullmatch(r'\d{8}\.npz', name)
        )


def _check_settings(
    found: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    for name in sorted(set(found) | set(expected)):
        if found.get(name) != expected.get(name):
            raise ArchiveError(
                f'it belongs to another configuration: its {name} is '
                f"{found.get(name)}, the run's is {expected.get(name)}"
            )
