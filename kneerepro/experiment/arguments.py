"""The flags of the experiments, and what a run stores of them."""

from __future__ import annotations

import argparse
import os
from typing import Any

from kneerepro import command_line, config, engines
from kneerepro.data.reading import selection
from kneerepro.data.reading.identity import add_key_file
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.utils import cli
from kneerepro.utils.scripts import usage


def add_data_arguments(
    parser: argparse.ArgumentParser, datasets: bool = True
) -> None:
    """Add ``--data`` and the flags about it.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    datasets : bool
        Whether ``--data`` may also name a dataset file.
    """
    accepted = 'folder or archive of DICOM series'
    if datasets:
        accepted += ', or an HDF5 dataset'
    parser.add_argument(
        '--data',
        type=cli.path,
        metavar='PATH',
        help=f'{accepted} (default: synthetic knees)',
    )
    selection.add_arguments(parser)
    add_key_file(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every training takes besides its parameters."""
    add_data_arguments(parser)
    command_line.add_out(parser)
    parser.add_argument(
        '--checkpoint-interval',
        type=cli.non_negative_float,
        default=120.0,
        metavar='S',
        help='seconds between checkpoints (default: 120)',
    )
    parser.add_argument(
        '--tensorboard',
        action='store_true',
        help='also write the losses for TensorBoard',
    )
    engines.add_arguments(parser)
    engines.add_cuda_arguments(parser)


def parser_of(
    name: str, kind: type[command_line.Parser] = command_line.Parser
) -> command_line.Parser:
    """Make the parser of an experiment's command line.

    Parameters
    ----------
    name : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    kind : class, optional
        A kind of :class:`kneerepro.command_line.Parser`.

    Returns
    -------
    kneerepro.command_line.Parser
    """
    spec = EXPERIMENTS[name]
    parser = kind(
        f'Train the {spec.title} (section {spec.section}), and draw its '
        'figures.',
        usage(f'train {name}'),
    )
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        type=cli.path,
        metavar='RUN',
        const=None,
        help='continue a stopped run, or draw what a finished one lacks '
        '(default: the newest)',
    )
    command_line.add_parameters(parser, name)
    return parser


def parse(
    name: str, argv: list[str]
) -> tuple[dict[str, Any], argparse.Namespace]:
    """Parse the command line of an experiment.

    Parameters
    ----------
    name : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    argv : list of str

    Returns
    -------
    given : dict
        Only what the command line gives.
    args : argparse.Namespace
        The same, completed by the defaults of all flags but those of the
        parameters.
    """
    parser = parser_of(name)
    defaults = {
        action.dest: action.default
        for action in parser._actions
        if action.default is not argparse.SUPPRESS
    }
    # The parser leaves a value that is there alone if its flag is not given.
    not_given = object()
    values = argparse.Namespace(**dict.fromkeys(defaults, not_given))
    given = {
        name: value
        for name, value in vars(parser.parse_args(argv, values)).items()
        if value is not not_given
    }
    return given, argparse.Namespace(**{**defaults, **given})


def arguments_to_store(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """Return the arguments that a run stores and is resumed with.

    Parameters
    ----------
    args : argparse.Namespace
        From :func:`parse`.
    name : str
        Of the experiment.

    Returns
    -------
    dict
        Can be converted to JSON.
    """
    return {
        'data': args.data and os.path.abspath(args.data),
        'series': selection.selection_of(args).pattern,
        'preset': args.preset,
        'engine': args.engine,
        'device': args.device,
        'precision': args.precision,
        'cuda_graphs': args.cuda_graphs,
        'tf32': args.tf32,
        'deterministic': args.deterministic,
        'parameters': command_line.parameters_from(args, name),
    }


def stored_arguments(run: Run) -> dict[str, Any]:
    """Return the arguments that a run was started with.

    Parameters
    ----------
    run : kneerepro.runs.Run
        Of this or an earlier version.

    Returns
    -------
    dict
        As :func:`arguments_to_store`. What earlier versions did not store has
        the value that describes what they did.
    """
    return {
        **run.arguments,
        'parameters': config.fill_missing(
            run.arguments['parameters'], run.experiment
        ),
        'precision': engines.stored_precision(run.arguments),
    }
