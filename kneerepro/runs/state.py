"""The state of compiled functions: values of their shared variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lasagne.layers import Layer, get_all_params

from kneerepro.runs.archive import ArchiveError
from kneerepro.utils.errors import UserError


def shared_variables(
    networks: Sequence[Layer], functions: Mapping[str, Any]
) -> dict[str, Any]:
    """Find all shared variables that compiled functions read or change.

    Parameters
    ----------
    networks : list of Layer
        Their parameters, the averages of batch normalisation included, are
        called by their own names.
    functions : dict of str to theano function
        Lasagne and Theano give no names to the other variables, such as the
        state of the optimiser and of random streams. They are named after the
        function and numbered in its order, such as 'train.0'.

    Returns
    -------
    dict of str to theano shared variable

    Raises
    ------
    ValueError
        If two parameters of the networks have the same name.
    """
    params = get_all_params(networks)
    found = {param.name: param for param in params}
    if len(found) != len(params):
        raise ValueError('two parameters of the networks have the same name')
    known = set(params)
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


def get_values(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Copy the values of shared variables."""
    return {
        name: np.array(variable.get_value(borrow=True))
        for name, variable in variables.items()
    }


def set_values(
    variables: Mapping[str, Any], values: Mapping[str, np.ndarray]
) -> None:
    """Set shared variables to values from :func:`get_values`."""
    for name, variable in variables.items():
        variable.set_value(values[name])


def check_values(
    variables: Mapping[str, Any], values: Mapping[str, np.ndarray]
) -> None:
    """Check that saved values fit the shared variables.

    Parameters
    ----------
    variables : dict of str to theano shared variable
        From :func:`shared_variables`.
    values : dict of str to array
        From :func:`get_values`, possibly of another program.

    Raises
    ------
    ArchiveError
        If a name is missing on either side, or if a type or a shape differs.
    """
    unmatched = sorted(set(variables) ^ set(values))
    if unmatched:
        name = unmatched[0]
        owner = 'the checkpoint' if name in values else 'the run'
        raise ArchiveError(
            f'it belongs to another program: only {owner} has a variable '
            f'{name}'
        )
    for name, variable in variables.items():
        value, current = values[name], variable.get_value(borrow=True)
        if (value.dtype, value.shape) != (current.dtype, current.shape):
            raise ArchiveError(
                f'it belongs to another network: its {name} is {value.dtype} '
                f"of shape {value.shape}, the run's is {current.dtype} of "
                f'shape {current.shape}'
            )


def check_finite(values: Mapping[str, np.ndarray]) -> None:
    """Check that no value is infinite or NaN.

    Parameters
    ----------
    values : dict of str to array
        From :func:`get_values`.

    Raises
    ------
    UserError
        If one is.
    """
    for name, value in values.items():
        if value.dtype.kind == 'f' and not np.isfinite(value).all():
            raise UserError(f'{name} is no longer finite')
