"""What a checkpoint holds of a training, as arrays with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """A training after one of its iterations.

    Attributes
    ----------
    variables : dict of str to array
        Values of the shared variables; see
        :func:`kneerepro.runs.state.get_values`.
    losses, measures : dict of str to array, shape (1 + iterations,)
        NaN where nothing was logged. Earlier versions saved no measures.
    recorded : dict of str to list of array
        What :meth:`kneerepro.runs.training.Training.record` was given.
    """

    variables: Mapping[str, Any]
    losses: Mapping[str, Any]
    measures: Mapping[str, Any]
    recorded: Mapping[str, list[np.ndarray]]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by the names that they have in a checkpoint."""
        groups = {
            'variable': self.variables,
            'loss': self.losses,
            'measure': self.measures,
        }
        arrays = {
            f'{group}/{name}': np.asarray(values)
            for group, members in groups.items()
            for name, values in members.items()
        }
        arrays.update(
            (f'kept/{name}/{i}', array)
            for name, recorded in self.recorded.items()
            for i, array in enumerate(recorded)
        )
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Snapshot:
        """Read what :meth:`to_arrays` returned.

        Parameters
        ----------
        arrays : dict of str to array
            Of a checkpoint of this or an earlier version.
        """
        groups: dict[str, dict[str, np.ndarray]] = {}
        for key, array in arrays.items():
            group, name = key.split('/', 1)
            groups.setdefault(group, {})[name] = array
        return cls(
            variables=groups.get('variable', {}),
            losses=groups.get('loss', {}),
            measures=groups.get('measure', {}),
            recorded=_lists(groups.get('kept', {})),
        )


def _lists(arrays: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Collect arrays called 'name/0', 'name/1', ... in one list per name."""
    numbered: dict[str, dict[int, np.ndarray]] = {}
    for key, array in arrays.items():
        name, number = key.rsplit('/', 1)
        numbered.setdefault(name, {})[int(number)] = array
    return {
        name: [by_number[i] for i in range(len(by_number))]
        for name, by_number in numbered.items()
    }
