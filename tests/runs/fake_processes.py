"""Two processes of which the test is one, and the other is made up."""

import os
from unittest import mock

import numpy as np

from kneerepro.runs import ranks


class LostProcessError(RuntimeError):
    pass


class FakeProcesses:
    """Stands for ``kneerepro.engine.processes`` and ``sharing``.

    Attributes
    ----------
    first : bool
        Whether this process is the first to fail.
    left : list of bool
        Arguments of :meth:`leave`.
    kept : dict
        What was kept for the time after a failure.
    votes, other_votes : list of int
        Those of this process so far, and the next ones of the other.
    shared : list
        What :meth:`from_first` returns next, if this is not process 0.
    broadcasts : list
        Arguments of :meth:`broadcast`.
    """

    LostProcessError = LostProcessError

    def __init__(self, rank, first=True):
        self.rank, self.first = rank, first
        self.left, self.kept, self.shared, self.broadcasts = [], {}, [], []
        self.votes, self.other_votes = [], []

    def size(self):
        return 2

    def own_rows(self, n):
        return slice(n * self.rank // 2, n * (self.rank + 1) // 2)

    def claim_failure(self):
        return self.first

    def described(self, finding):
        return f'{finding}; how to go on'

    def describe_with(self, describe):
        self.describe = describe

    def leave(self, failed):
        self.left.append(failed)

    def remember(self, key, text):
        self.kept[key] = text

    def remembered(self, key):
        return self.kept.get(key)

    def from_first(self, function):
        return self.shared.pop(0) if self.rank else function()

    def all_rows(self, part):
        """As if the other process had the same."""
        return np.concatenate([part, part])

    def broadcast(self, variables):
        self.broadcasts.append(variables)

    def start_maximum(self, number):
        self.votes.append(number)
        other = self.other_votes.pop(0) if self.other_votes else 0
        return lambda: max(number, other)


def become_process(test, rank, joined=True, first=True):
    """Let this be one of two processes until the end of a test.

    Returns
    -------
    FakeProcesses or None
        None if they have not joined.
    """
    fake = FakeProcesses(rank, first) if joined else None
    variables = dict(RANK=str(rank), WORLD_SIZE='2', LOCAL_RANK=str(rank))
    for patch in (
        mock.patch.dict(os.environ, variables),
        mock.patch.object(ranks._State, 'processes', fake),
        mock.patch.object(ranks._State, 'sharing', fake),
        mock.patch.object(ranks._State, 'trainings', 0),
        mock.patch.object(ranks, '_COURTESY', 0),
        mock.patch.object(ranks, 'ignore_signals'),
    ):
        patch.start()
        test.addCleanup(patch.stop)
    return fake
