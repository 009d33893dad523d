"""The DCGAN of volumes, which goes beyond the thesis (section 4.2).

Trains it with Algorithm 2 and draws generated volumes, real volumes beside
them, and the losses: see kneerepro/trainings/dcgan3d.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('train', 'dcgan3d')
