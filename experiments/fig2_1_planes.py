"""Figure 2.1: one patient in the sagittal, axial and coronal plane (section
2.1).

"Each 3D image was comprised of 160 slides of 384x384 2D images". Shows the
series as acquired: a synthetic knee or, with --data, a DICOM series or a
volume in another format.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '2.1')
