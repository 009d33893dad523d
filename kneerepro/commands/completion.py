r"""Print a script with which a shell completes commands and their arguments.

For bash, write it to the file that bash reads on the first completion:
    kneerepro completion bash \
        > ~/.local/share/bash-completion/completions/kneerepro
For zsh, write it to a file in a folder of $fpath:
    kneerepro completion zsh > ~/.zfunc/_kneerepro
"""

from __future__ import annotations

import argparse

import shtab

import kneerepro
from kneerepro import commands

# What arguments of these names complete to.
_FILES = 'FILE', 'PATH', 'MODEL', 'DATA', 'SOURCE'
_FOLDERS = 'DIR', 'RUN'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        'shell',
        metavar='SHELL',
        choices=shtab.SUPPORTED_SHELLS,
        help=', '.join(shtab.SUPPORTED_SHELLS),
    )


def run(args: argparse.Namespace) -> None:
    """Print the shell's script."""
    print(shtab.complete(whole_parser(), args.shell))


def whole_parser() -> argparse.ArgumentParser:
    """Make one parser of all commands.

    It only describes the commands: each parses its own arguments when it
    runs.
    """
    parser = argparse.ArgumentParser(prog='kneerepro')
    parser.add_argument(
        '--version', action='version', version=kneerepro.__version__
    )
    group = parser.add_subparsers()
    for name, summary in commands.COMMANDS.items():
        module = commands.module_of(name)
        if not hasattr(module, 'CHOICES'):
            _add(group, name, summary, commands.parser_of(name, module))
            continue
        inner = group.add_parser(name, help=summary).add_subparsers()
        for choice, text in module.CHOICES.items():
            _add(inner, choice, text, module.parser(choice))
    return parser


def _add(group, name, summary, parser):
    for action in parser._actions:
        if action.metavar in _FILES:
            action.complete = shtab.FILE
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY
    group.add_parser(name, help=summary, parents=[parser], add_help=False)
