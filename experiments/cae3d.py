"""The 3D convolutional autoencoder (sections 2.4.1 and 3.2).

Trains it with Algorithm 1 and draws Figures 2.4, 3.4 and 3.5: see
kneerepro/trainings/cae3d.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('train', 'cae3d')
