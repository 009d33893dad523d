"""Figure 3.1: 25 randomly selected examples of the 2D dataset (section 3).

Shows images as cae2d.py, dcgan.py and wgan_gp.py get them: of synthetic knees
or, with --data, of a folder of DICOM series or of a dataset file.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.1')
