"""Run the whole thesis in its order, and draw all figures of chapters 2 and 3.

Finished runs are drawn again, stopped runs are resumed, and missing runs are
started. The same command, run again, therefore continues where it stopped.
"""

from __future__ import annotations

import argparse
import shlex

from kneerepro import command_line
from kneerepro.experiment.arguments import add_run_arguments, parse
from kneerepro.experiment.choose import best_run, flags_to_train
from kneerepro.registry import THESIS
from kneerepro.utils.scripts import run_command, typed
from kneerepro.utils.text import printable

# The flags about the data, which the figures of the data take as well.
_ABOUT_DATA = 'data', 'series_description', 'any_series', 'key_file'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_run_arguments(parser)
    command_line.add_preset(parser)


def run(args: argparse.Namespace) -> None:
    """Draw all figures, and train what they show."""
    out, preset = ['--out', args.out], ['--preset', args.preset]
    data, training = _flags_to_pass_on(args)

    # -------------------------------------------------------------- chapter 2
    _start('figure 2.1', *out, *data)
    _start('figure 2.2', *out, *data)
    _start('figure 2.3', *out, *preset)
    _start('figure 2.4', *out, *preset)
    _start('figure 2.5', *out, *preset)

    # -------------------------------------------------------------- chapter 3
    _start('figure 3.1', *out, *preset, *data)
    flags, reports = [*preset, *out, *data, *training], []
    for name in THESIS:
        _, asked = parse(name, flags)
        best = best_run(asked, name)
        _start(f'train {name}', *flags_to_train(best, args.out, flags))
        finished = best_run(asked, name)
        assert finished is not None  # it has just been drawn
        reports.append(finished.path('report.html'))

    print('\nThe reports:')
    for report in reports:
        print('   ', printable(report))


def _start(command: str, *arguments: str) -> None:
    """Run a command to its end, or end as it does."""
    words = f'{typed(command)} {shlex.join(arguments)}'
    print('\n' + printable(words), flush=True)
    status = run_command(command, *arguments)
    if status:
        raise SystemExit(status)


def _flags_to_pass_on(args):
    """Return the flags about the data and about the training that were
    given.
    """
    known = argparse.ArgumentParser()
    add_arguments(known)
    data, training = [], []
    for name, value in vars(args).items():
        if name in ('out', 'preset') or value == known.get_default(name):
            continue
        flags = data if name in _ABOUT_DATA else training
        flags.extend(_as_flag(name, value))
    return data, training


def _as_flag(name, value):
    """Return the words of the command line that give an argument."""
    name = name.replace('_', '-')
    if value is False:
        return [f'--no-{name}']
    return [f'--{name}'] if value is True else [f'--{name}', str(value)]
