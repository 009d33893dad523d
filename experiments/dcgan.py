"""The DCGAN (sections 2.4.2 and 3.3).

Trains it with Algorithm 2 and draws Figures 2.5, 3.6 and 3.7: see
kneerepro/trainings/dcgan.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('train', 'dcgan')
