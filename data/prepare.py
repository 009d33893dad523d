"""Convert DICOM series, or volumes as .mat or .npy, to the dataset of section
2.2 of the thesis.
"""

# This script's folder holds an inspect.py, which is not the standard
# library's that others import.
import sys

if __name__ == '__main__':
    sys.path.pop(0)

from kneerepro.commands.data import prepare_main
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: prepare_main(__doc__))
