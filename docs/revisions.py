"""Refuse to publish results that nobody could reproduce."""

from __future__ import annotations

from collections.abc import Iterable

from kneerepro.runs import Run
from kneerepro.utils.errors import UserError


def check_revision(revision: str | None, what: str) -> None:
    """Refuse results of an unknown or changed revision.

    Parameters
    ----------
    revision : str or None
        From :func:`kneerepro.runs.environment.revision`.
    what : str
        The file or the run, for the message.

    Raises
    ------
    UserError
        If the revision is unknown, or if files differed from it.
    """
    if revision is None:
        raise UserError(
            f'{what} does not record its revision: run it again in a git '
            'checkout'
        )
    if revision.endswith('-dirty'):
        raise UserError(
            f'{what} ran at {revision}, with changes that are not committed: '
            'commit them, and run it again'
        )


def check_runs(runs: Iterable[Run]) -> None:
    """Check the revision of each start of each run.

    Raises
    ------
    UserError
        As :func:`check_revision`.
    """
    for run in runs:
        # If there is no record at all, the revision is unknown as well.
        for environment in run.environments() or [{}]:
            check_revision(environment.get('revision'), run.folder)
