"""Commands that work on runs and trained networks: ``python -m kneerepro``."""

from __future__ import annotations

import importlib

from kneerepro import command_line, config
from kneerepro.utils.errors import UserError

#: The commands and their summaries; each is a module of this package.
COMMANDS = {
    'runs': 'list all runs, finished or not',
    'encode': "write an autoencoder's latent vectors of images",
    'reconstruct': "write an autoencoder's reconstructions and their errors",
    'generate': 'generate images from noise with a GAN',
    'compare': "compare the networks with the thesis's tables",
    'claims': "test the thesis's claims with finished runs",
}


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
        print('usage: python -m kneerepro COMMAND ...\n')
        for command, summary in COMMANDS.items():
            print(f'  {command:<13}{summary}')
        print('\nrun COMMAND --help for its arguments')
        return 0
    if name not in COMMANDS:
        raise UserError(
            f'no command {name}{config.suggestion(name, COMMANDS)}: '
            f'the commands are {", ".join(COMMANDS)}'
        )
    # Imported only now: most commands need Theano, whose import takes a
    # second.
    module = importlib.import_module(f'{__name__}.{name}')
    description = module.__doc__ or ''
    parser = command_line.Parser(description)
    parser.epilog = description.partition('\n\n')[2]
    parser.prog = f'python -m kneerepro {name}'
    module.add_arguments(parser)
    return module.run(parser.parse_args(argv[1:]))
