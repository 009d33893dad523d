"""Choose the run that a command line asks for, finished or to be resumed."""

from __future__ import annotations

import argparse
import os
from typing import Any

from kneerepro import config, runs
from kneerepro.experiment.arguments import arguments_to_store, stored_arguments
from kneerepro.runs import Run
from kneerepro.runs.datasets import hash_of
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError

# Flags that a run stores under another name.
_STORED_AS = {'series_description': 'series', 'any_series': 'series'}


def matching_runs(args: argparse.Namespace, name: str) -> list[Run]:
    """Return the runs that were started with the same arguments.

    Parameters
    ----------
    args : argparse.Namespace
        From :func:`kneerepro.experiment.arguments.parse`.
    name : str
        Of the experiment.

    Returns
    -------
    list of kneerepro.runs.Run
        The newest first.
    """
    asked = arguments_to_store(args, name)

    def matches(run):
        stored = stored_arguments(run)
        return all(
            value in (stored.get(key, value), 'auto')
            or (key == 'data' and _is_dataset_of(run, value))
            for key, value in asked.items()
        )

    return [run for run in runs.find(args.out, name) if matches(run)]


def _is_dataset_of(run, path):
    """Whether a path leads to the run's dataset, which has been moved."""
    found = hash_of(path) if path else None
    return found is not None and found == run.settings['data']['hash']


def best_run(args: argparse.Namespace, name: str) -> Run | None:
    """Return the newest finished run with the same arguments, else the
    newest unfinished one, else None.

    Parameters
    ----------
    args, name
        See :func:`matching_runs`.
    """
    found = matching_runs(args, name)
    finished = [run for run in found if run.finished]
    return next(iter(finished or found), None)


def flags_to_train(run: Run | None, out: str, flags: list[str]) -> list[str]:
    """Return the flags with which the experiment's script resumes a run or,
    without one, starts a new run.

    Parameters
    ----------
    run : kneerepro.runs.Run or None
        From :func:`best_run`.
    out : str
        Folder of all runs.
    flags : list of str
        Those of a new run.
    """
    if run is None:
        return flags
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--data', type=cli.path)
    data = parser.parse_known_args(flags)[0].data
    # The run's own may have been moved since.
    moved = [] if data is None else ['--data', data]
    return ['--out', out, '--resume', run.folder, *moved]


def run_to_resume(
    given: dict[str, Any], args: argparse.Namespace, name: str
) -> Run:
    """Return the run that ``--resume`` asks for.

    Without a run, it asks for the newest unfinished one; if all are finished,
    for the newest whose figures are still to be drawn.

    Parameters
    ----------
    given, args
        From :func:`kneerepro.experiment.arguments.parse`.
    name : str
        Of the experiment.

    Raises
    ------
    UserError
        If there is no such run, or if a flag other than ``--data``
        contradicts the arguments that it was started with. Data may have been
        moved: their hash decides.
    """
    if args.resume is None:
        run = _newest_to_resume(args.out, name)
    else:
        run = Run(args.resume)
        if run.experiment != name:
            raise UserError(
                f'{args.resume} is a run of {run.experiment}, not of {name}'
            )
    _check_agreement(run, given, args)
    return run


def is_drawn(run: Run) -> bool:
    """Tell whether a run has its figures: its report is written after them."""
    return os.path.exists(run.path('report.html'))


def _newest_to_resume(out, name):
    """Return the newest unfinished run, else the newest without figures."""
    found = runs.find(out, name)
    unfinished = [run for run in found if not run.finished]
    undrawn = [run for run in found if run.finished and not is_drawn(run)]
    if unfinished or undrawn:
        return (unfinished or undrawn)[0]
    raise UserError(
        f'{out} has no unfinished run of {name}: start one without --resume'
    )


def _check_agreement(run, given, args):
    """Raise UserError if a flag contradicts the run's stored arguments."""
    asked = {**vars(args), **arguments_to_store(args, run.experiment)}
    stored = stored_arguments(run)
    stored.update(stored['parameters'])
    for name in given.keys() - {'data'}:
        key = _STORED_AS.get(name, name)
        if key in stored and asked[key] not in (stored[key], 'auto'):
            flag = '--' + name.replace('_', '-')
            raise UserError(
                f'{run.folder} was started with {flag} '
                f'{config.as_text(stored[key])}, which a resumed run keeps: '
                f'leave {flag} out, or start a new run without --resume'
            )
