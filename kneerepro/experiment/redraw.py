"""Single figures of networks and of runs.

A figure of a run is drawn from a finished run; without any, one is trained
first.
"""

from __future__ import annotations

import argparse
import os

from kneerepro import command_line, runs
from kneerepro.experiment.arguments import parse
from kneerepro.experiment.choose import best_run, flags_to_train
from kneerepro.experiment.figures import ARCHITECTURES, draw_figure, file_name
from kneerepro.experiment.footer import footer_of_networks
from kneerepro.figures.style import save_figure
from kneerepro.runs import Run, zoo
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import run_command, typed, usage
from kneerepro.utils.text import printable


def run_parser(
    number: str, name: str, description: str
) -> argparse.ArgumentParser:
    """Make the parser of a figure of a run.

    It knows its own flags; all others are those of the training.

    Parameters
    ----------
    number : str
        The figure's number in the thesis, such as '3.4', or its name.
    name : str
        Of the experiment.
    description : str
        What the figure shows.
    """
    trainer = typed(f'train {name}')
    parser = argparse.ArgumentParser(
        prog=usage(f'figure {number}'),
        description=description,
        epilog=f'All flags of {trainer} select among the runs, and are used '
        'to train one if none agrees with them: see '
        f'{trainer} --help',
        allow_abbrev=False,
    )
    parser.add_argument(
        '--run', metavar='RUN', help='a finished run (default: the newest)'
    )
    command_line.add_out(parser)
    return parser


def figure_of_run(
    number: str, name: str, own: argparse.Namespace, flags: list[str]
) -> int:
    """Draw a figure of a run; train a run first if none is finished.

    Without ``--run``, the run is the newest finished one that agrees with the
    flags of the training.

    Parameters
    ----------
    number, name
        See :func:`run_parser`.
    own : argparse.Namespace
        The arguments that :func:`run_parser` knows.
    flags : list of str
        Those of the training.

    Returns
    -------
    int
        An exit status.

    Raises
    ------
    UserError
        If arguments or run cannot be used.
    """
    argv = [*flags, '--out', own.out]
    given, args = parse(name, argv)
    if 'resume' in given:
        raise UserError(
            'this command draws a figure: to resume a run, use '
            f'{typed(f"train {name}")} --resume'
        )
    if own.run and flags:
        raise UserError(
            f'--run names a run and {flags[0]} selects among the runs: leave '
            'one of them out'
        )
    run = Run(own.run) if own.run else _choose(args, name, flags)
    if not own.run and (run is None or not run.finished):
        status = _train(name, run, own.out, argv, bool(flags))
        if status:
            return status
        run = _choose(args, name, flags)
    if run.experiment != name:
        raise UserError(
            f'{own.run} is a run of {run.experiment}, and figure {number} '
            f'shows {name}: name a run of {name}'
        )
    for path in draw_figure(run, run.results(), number):
        print(printable(f'wrote {path}'))
    return 0


def _choose(args, name, flags):
    """Return the newest finished run, of all or of those that agree with the
    flags, else one to resume, else None.
    """
    finished = None if flags else runs.find_finished(args.out, name)
    return finished or best_run(args, name)


def _train(name, run, out, argv, selected):
    """Resume or start a run; return the exit status."""
    print(
        f'no finished run {"like that " if selected else ""}in '
        f'{printable(out)}: '
        + ('starting one' if run is None else 'resuming one')
        + f' with {typed(f"train {name}")}',
        flush=True,
    )
    return run_command(f'train {name}', *flags_to_train(run, out, argv))


def add_network_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments of a figure of networks.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    name : str
        Of the experiment.
    """
    command_line.add_out(parser)
    command_line.add_parameters(parser, name, preset='thesis')


def figure_of_networks(
    number: str, name: str, args: argparse.Namespace
) -> None:
    """Draw the networks of an experiment, which needs no training.

    Parameters
    ----------
    number, name
        See :func:`run_parser`.
    args : argparse.Namespace
        See :func:`add_network_arguments`.
    """
    parameters = command_line.parameters_from(args, name)
    shape = parameters['depth'], parameters['size'], parameters['size']
    networks = zoo.build(name, zoo.builder_options(name, parameters, shape))
    footer = footer_of_networks(parameters, name)
    figure = ARCHITECTURES[number](*networks, footer)
    path = os.path.join(args.out, 'networks', file_name(number))
    for written in save_figure(figure, path):
        print(f'wrote {printable(written)}')
