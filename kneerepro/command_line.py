"""Command-line flags that scripts share: presets, parameters, run folders."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from typing import Any, NoReturn

from kneerepro.config import (
    PARAMETERS,
    as_text,
    presets_of,
    read_preset,
    suggestion,
)
from kneerepro.registry import THESIS
from kneerepro.utils import cli


class Parser(argparse.ArgumentParser):
    """A parser that refuses abbreviations, and suggests the most similar flag
    instead of an unknown one.

    Parameters
    ----------
    description : str
        A docstring, whose first paragraph ``--help`` shows.
    prog : str, optional
        What ``--help`` calls the program; by default the name of its script.
    """

    def __init__(self, description: str, prog: str | None = None):
        super().__init__(
            prog=prog,
            description=description.split('\n\n', 1)[0],
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> argparse.Namespace:
        """Parse arguments; exit with an error if one is unknown."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = [
                flag
                for action in self._actions
                for flag in action.option_strings
            ]
            name = unknown[0].split('=')[0]
            self.error(f'unknown argument {name}' + suggestion(name, known))
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print one line and exit; the usage, a page of flags, would bury
        it.
        """
        self.exit(
            cli.BAD_INPUT, f'error: {message}; --help lists all arguments\n'
        )


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add ``--out``."""
    parser.add_argument(
        '--out',
        type=cli.path,
        metavar='DIR',
        default='runs',
        help='folder of all runs (default: runs)',
    )


def add_preset(
    parser: argparse.ArgumentParser,
    default: str = 'quick',
    experiment: str = THESIS[0],
) -> None:
    """Add ``--preset``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    default : str
    experiment : str
        The help lists the presets that this experiment has.
    """
    parser.add_argument(
        '--preset',
        default=default,
        metavar='NAME',
        help='values of the parameters without a flag: '
        f'{", ".join(presets_of(experiment))} (default: {default}) or the '
        'path of a file',
    )


def add_count(
    parser: argparse.ArgumentParser, flag: str, default: int, text: str
) -> None:
    """Add a flag that takes an integer of at least 1.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    flag : str
    default : int
    text : str
        Description for ``--help``, which shows the default after it.
    """
    parser.add_argument(
        flag,
        type=cli.positive_int,
        default=default,
        metavar='N',
        help=f'{text} (default: {default})',
    )


def add_parameters(
    parser: argparse.ArgumentParser,
    experiment: str,
    preset: str = 'quick',
    only: Collection[str] = tuple(PARAMETERS),
) -> None:
    """Add ``--preset``, and a flag for each parameter of an experiment.

    Parsed arguments lack the parameters whose flag is not given; see
    :func:`parameters_from`.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    experiment : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    preset : str
        Default of ``--preset``.
    only : collection of str
        Names of the parameters that get a flag, if the experiment has them.
    """
    add_preset(parser, preset, experiment)
    # The help compares these; smoke is for tests.
    _, *compared = presets_of(experiment)
    presets = {
        preset_name: read_preset(preset_name, experiment)
        for preset_name in compared
    }
    group = parser.add_argument_group('parameters')
    for name, value in presets[compared[-1]].items():
        if name not in only:
            continue
        defaults = ', '.join(
            f'{preset_name}: {as_text(values[name])}'
            for preset_name, values in presets.items()
        )
        flag = '--' + name.replace('_', '-')
        text = f'{PARAMETERS[name].help} ({defaults})'
        if isinstance(value, bool):
            action = group.add_argument(
                flag, help=text, action=argparse.BooleanOptionalAction
            )
            # Set afterwards: given as an argument, Python 3.9 would show
            # "(default: ==SUPPRESS==)" in the help.
            action.default = argparse.SUPPRESS
        else:
            group.add_argument(
                flag,
                default=argparse.SUPPRESS,
                type=PARAMETERS[name].read,
                help=text,
                metavar='NAME' if isinstance(value, str) else 'N',
            )


def parameters_from(
    args: argparse.Namespace, experiment: str
) -> dict[str, Any]:
    """Return the parameters that parsed arguments ask for.

    Parameters
    ----------
    args : argparse.Namespace
        From a parser with :func:`add_parameters`.
    experiment : str

    Returns
    -------
    dict
        All parameters of the experiment: those with a flag on the command
        line, and those of the preset.
    """
    values = read_preset(args.preset, experiment)
    return {name: getattr(args, name, value) for name, value in values.items()}
