"""The commands: ``kneerepro COMMAND`` or ``python -m kneerepro COMMAND``.

Each is a module of this package with two functions: ``add_arguments(parser)``
and ``run(args)``. A command whose arguments depend on its first one, such as
``train cae3d``, has instead a table ``CHOICES`` of these, ``parser(choice)``
and ``main(choice, argv)``. Scripts in ``experiments/`` and ``data/`` start
some of the commands.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import NoReturn

import kneerepro
from kneerepro import command_line, config
from kneerepro.utils import cli, scripts
from kneerepro.utils.errors import UserError

#: The commands and their summaries; each is a module of this package.
COMMANDS = {
    'train': 'train a network and draw its figures',
    'figure': 'draw one figure of the thesis, or one that goes beyond it',
    'thesis': "run the thesis's four trainings and draw all its figures",
    'inspect': 'list the series in folders of images, and their defects',
    'prepare': 'make the dataset of section 2.2 from images',
    'phantom': 'write synthetic knees as DICOM series',
    'runs': 'list all runs, finished or not',
    'encode': 'encode images as latent vectors with an autoencoder',
    'reconstruct': 'reconstruct images with an autoencoder, with the errors',
    'generate': 'generate images or volumes from noise with a GAN',
    'predict': 'predict a label from what a network has learned',
    'knee_size': 'predict the size of knees (section 4.2)',
    'latent': 'draw what lies between two codes (section 4.2)',
    'report': 'rewrite the report of a run, or set several side by side',
    'compare': "compare the networks with the thesis's tables",
    'claims': "test the thesis's claims with finished runs",
    'doctor': 'report what works on this machine and what does not',
    'completion': 'print a script with which a shell completes commands',
}


def script(*words: str) -> NoReturn:
    """Run a command with the arguments of this process, and exit.

    Parameters
    ----------
    *words : str
        The command, such as 'train', 'cae3d', unless the arguments name it.
    """
    cli.run(lambda: main([*words, *sys.argv[1:]]))


def main(argv: list[str]) -> int | None:
    """Run a command.

    Parameters
    ----------
    argv : list of str
        The command's name, followed by its arguments.

    Returns
    -------
    int or None
        The exit status.

    Raises
    ------
    UserError
        If the command is unknown, or refuses its arguments.
    """
    name = argv[0] if argv else '--help'
    if name in ('-h', '--help'):
        _print_choices('COMMAND', COMMANDS)
        return 0
    if name == '--version':
        print(f'kneerepro {kneerepro.__version__}')
        return 0
    _check('command', name, COMMANDS)
    if name != 'train' and 'TORCHELASTIC_RUN_ID' in os.environ:
        _check_processes(name)
    module = module_of(name)
    if not hasattr(module, 'CHOICES'):
        return module.run(parser_of(name, module).parse_args(argv[1:]))
    choice = argv[1] if len(argv) > 1 else '--help'
    if choice in ('-h', '--help'):
        _print_choices(f'{name} {module.METAVAR}', module.CHOICES)
        return 0
    _check(module.METAVAR.lower(), choice, module.CHOICES)
    return module.main(choice, argv[2:])


def module_of(command: str) -> ModuleType:
    """Import the module of a command.

    Most commands need Theano, whose import takes a second, so that a module
    is imported only when its command is run.
    """
    return importlib.import_module(f'{__name__}.{command}')


def parser_of(command: str, module: ModuleType) -> argparse.ArgumentParser:
    """Make the parser of a command without choices.

    Parameters
    ----------
    command : str
    module : module
        From :func:`module_of`.
    """
    description = module.__doc__ or ''
    parser = command_line.Parser(description, scripts.usage(command))
    parser.epilog = description.partition('\n\n')[2]
    module.add_arguments(parser)
    return parser


def _check_processes(name: str) -> None:
    """Raise UserError if torchrun has started a command several times."""
    from kneerepro.runs import ranks

    with ranks.one_voice():
        count = ranks.launched()[1]
        if count > 1:
            raise UserError(
                f'torchrun has started {name} {count} times, but only '
                'trainings run on several processes: start it once, without '
                'torchrun'
            )


def _print_choices(syntax: str, choices: Mapping[str, str]) -> None:
    print(f'usage: {scripts.usage(syntax)} ...\n')
    width = max(map(len, choices))
    for name, summary in choices.items():
        print(f'  {name:<{width}}  {summary}')
    print(f'\nrun {scripts.usage(syntax)} --help for its arguments')


def _check(kind: str, name: str, known: Mapping[str, str]) -> None:
    """Raise UserError for an unknown command or choice."""
    if name not in known:
        raise UserError(
            f'no {kind} {name}{config.suggestion(name, known)}: '
            f'the {kind}s are {", ".join(known)}'
        )
