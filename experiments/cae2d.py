"""The 2D convolutional autoencoder (sections 2.4.1 and 3.1).

Trains it with Algorithm 1 and draws Figures 2.3, 3.2 and 3.3: see
kneerepro/trainings/cae2d.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('train', 'cae2d')
