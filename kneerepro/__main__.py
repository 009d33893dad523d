"""``python -m kneerepro COMMAND``."""

import sys

from kneerepro.commands import main
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: main(sys.argv[1:]))
