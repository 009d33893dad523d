"""Write synthetic knee MRI as DICOM series.

Folders and files are laid out like the Osteoarthritis Initiative's.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('phantom')
