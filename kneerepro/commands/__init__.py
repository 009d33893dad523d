"""What is done with runs and trained networks: ``python -m kneerepro``."""

import importlib

from kneerepro import config
from kneerepro.utils.errors import UserError

#: Each is a module of this package.
COMMANDS = {
    'runs': 'list all runs, finished or not',
    'encode': 'the latent vectors of images, by an autoencoder',
    'reconstruct': 'reconstructions and their errors, by an autoencoder',
    'generate': 'images from noise, by the generator of a GAN',
    'compare': "what is built beside the thesis's tables",
    'claims': 'what the thesis claims, judged from finished runs',
}


def main(argv):
    """Carry out a command.

    Parameters
    ----------
    argv : list of str
        Its name and its arguments.

    Returns
    -------
    int or None
        Its exit status.

    Raises
    ------
    UserError
        For an unknown command, and what the command itself refuses.
    """
    name = argv[0] if argv else '--help'
    if name in ('-h', '--help'):
        print('usage: python -m kneerepro COMMAND ...\n')
        for command, text in COMMANDS.items():
            print(f'  {command:<13}{text}')
        print('\nCOMMAND --help tells its arguments')
        return 0
    if name not in COMMANDS:
        raise UserError(
            f'no command {name}'
            + config.suggestion(name, COMMANDS)
            + ': there are '
            + ', '.join(COMMANDS)
        )
    # Only now: Theano, which most of them need, takes a second to import.
    module = importlib.import_module(f'{__name__}.{name}')
    parser = config.Parser(module.__doc__)
    parser.epilog = module.__doc__.partition('\n\n')[2]
    parser.prog = f'python -m kneerepro {name}'
    module.add_arguments(parser)
    return module.run(parser.parse_args(argv[1:]))
