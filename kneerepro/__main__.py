"""``kneerepro COMMAND`` and ``python -m kneerepro COMMAND``."""

from __future__ import annotations

import sys
from typing import NoReturn

from kneerepro.utils import cli
from kneerepro.utils.scripts import start_as_command


def main() -> NoReturn:
    """Run the command that the arguments of the process name, and exit."""
    start_as_command(sys.argv[0])
    try:
        from kneerepro import commands
    except ModuleNotFoundError as error:
        # A checkout that is run by another Python than its environment's.
        package = error.name
        if package is None or package.startswith(('kneerepro', 'layers')):
            raise
        print(
            f'error: this Python has no package {package}: run make setup, '
            'then .venv/bin/python -m kneerepro; or install this package with '
            'pip',
            file=sys.stderr,
        )
        sys.exit(cli.BAD_INPUT)
    except KeyboardInterrupt:  # the imports take a while
        print('interrupted', file=sys.stderr)
        sys.exit(cli.INTERRUPTED)
    commands.script()


if __name__ == '__main__':
    main()
