"""Convert DICOM series, or volumes in other formats, to the thesis's dataset.

Section 2.2 of the thesis describes it.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('prepare')
