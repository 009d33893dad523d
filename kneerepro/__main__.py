"""``python -m kneerepro COMMAND``."""

import sys

from kneerepro import cli
from kneerepro.commands import main

if __name__ == '__main__':
    cli.run(lambda: main(sys.argv[1:]))
