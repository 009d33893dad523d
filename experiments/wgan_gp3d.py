"""The WGAN-GP of volumes, which goes beyond the thesis (section 4.2).

Trains it with Algorithm 3 and draws generated volumes, real volumes beside
them, and the losses: see kneerepro/trainings/wgan_gp3d.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('train', 'wgan_gp3d')
