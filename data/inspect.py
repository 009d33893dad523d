"""List the series in folders of DICOM files, and what keeps them from being
used, without converting any.
"""

# This script is not the standard library's inspect that others import.
import sys

if __name__ == '__main__':
    sys.path.pop(0)

from kneerepro.commands.data import inspect_main
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: inspect_main(__doc__))
