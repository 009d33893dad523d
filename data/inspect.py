"""List the series in folders of DICOM files, and why some cannot be used.

Nothing is converted.
"""

# Other modules that import inspect must find that of the standard library,
# not this script.
import sys

if __name__ == '__main__':
    sys.path.pop(0)

from kneerepro.commands.data import inspect_main
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: inspect_main(__doc__))
