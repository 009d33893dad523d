"""Convert DICOM series, or volumes in other formats, to the thesis's dataset.

Section 2.2 of the thesis describes it.
"""

# Modules that import inspect must find that of the standard library, not the
# script of that name in this folder.
import sys

if __name__ == '__main__':
    sys.path.pop(0)

from kneerepro.commands.data import prepare_main
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: prepare_main(__doc__))
