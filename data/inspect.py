"""List the series in folders of DICOM files, and why some cannot be used.

Nothing is converted.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('inspect')
