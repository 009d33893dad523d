"""Checkpoints: all that a training needs to go on as if never stopped."""

import os
import re
import sys

import numpy as np
from lasagne.layers import get_all_params

from kneerepro.runs import archive
from kneerepro.runs.archive import ArchiveError
from kneerepro.utils.errors import UserError

KEPT = 2  # so that there is one before a damaged one
_KIND = 'checkpoint'


def shared_variables(networks, functions):
    """All that compiled functions read and change, by name.

    Parameters
    ----------
    networks : list of Layer
        Their parameters, batch norm's averages among them, have names.
    functions : dict of str to theano function
        The others, as the state of the optimiser and of the random streams,
        which Lasagne and Theano leave without, are called after the function
        and numbered as they appear in it.

    Returns
    -------
    dict of str to theano shared variable
    """
    found = {param.name: param for param in get_all_params(networks)}
    if len(found) != len(get_all_params(networks)):
        raise ValueError('two parameters of the networks have the same name')
    known = set(found.values())
    for name, function in functions.items():
        others = [
            variable
            for variable in function.get_shared()
            if variable not in known
        ]
        known.update(others)
        found.update(
            (f'{name}.{i}', variable) for i, variable in enumerate(others)
        )
    return found


class Checkpoints:
    """The checkpoints of a run.

    Parameters
    ----------
    folder : str
    settings : dict
        Those of the run, in what JSON can hold: a checkpoint of others is
        not used.
    """

    def __init__(self, folder, settings):
        self._folder, self._settings = folder, settings

    def save(self, iteration, arrays, meta):
        """Write the checkpoint after an iteration, and remove the older ones
        but one.

        Parameters
        ----------
        iteration : int
        arrays : dict of str to array
        meta : dict

        Returns
        -------
        str
            Its path.

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
        for name in self._names()[:-KEPT]:
            os.remove(os.path.join(self._folder, name))
        return path

    def load(self, check=lambda arrays: None):
        """The last checkpoint that can be used.

        Those that cannot be are named on the standard error.

        Parameters
        ----------
        check : callable
            Raises ArchiveError for arrays that are not the run's.

        Returns
        -------
        tuple of dict and dict, or None
            Arrays, and `meta` with the 'iteration' among it; None if there
            are none to use.
        """
        for name in reversed(self._names()):
            path = os.path.join(self._folder, name)
            try:
                arrays, meta = archive.load(path, _KIND)
                _compare(path, meta['settings'], self._settings)
                check(arrays)
                return arrays, meta
            except ArchiveError as error:
                print(f'warning: {error}: not used', file=sys.stderr)
        return None

    def last(self):
        """Path of the last checkpoint, or None."""
        names = self._names()
        return os.path.join(self._folder, names[-1]) if names else None

    def _names(self):
        """File names, the oldest first."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return sorted(
            name for name in names if re.fullmatch(r'\d{8}\.npz', name)
        )


def _compare(path, found, expected):
    for name in sorted(set(found) | set(expected)):
        if found.get(name) != expected.get(name):
            raise ArchiveError(
                f'{path} is of another configuration: its {name} is '
                f"{found.get(name)}, the run's {expected.get(name)}"
            )


def get_values(variables):
    """Values of shared variables, as arrays that are no longer changed."""
    return {
        name: np.array(variable.get_value(borrow=True))
        for name, variable in variables.items()
    }


def check_values(variables, values):
    """Raise ArchiveError unless there is a value of the right type and number
    of axes for each variable.
    """
    missing = sorted(set(variables) ^ set(values))
    if missing:
        raise ArchiveError(
            f'a checkpoint of another program: {missing[0]} '
            'is in one of the two only'
        )
    for name, variable in variables.items():
        value, current = values[name], variable.get_value(borrow=True)
        if (value.dtype, value.shape) != (current.dtype, current.shape):
            raise ArchiveError(
                f'a checkpoint of another network: {name} is {value.dtype} '
                f'of {value.shape}, needed is {current.dtype} of '
                f'{current.shape}'
            )


def set_values(variables, values):
    """Give shared variables the values of :func:`get_values`."""
    for name, variable in variables.items():
        variable.set_value(values[name])


def check_finite(values):
    """Raise UserError if there is an infinity or NaN among the values."""
    for name, value in values.items():
        if value.dtype.kind == 'f' and not np.isfinite(value).all():
            raise UserError(f'{name} is no longer finite')
