"""The WGAN with gradient penalty (sections 2.4.2 and 3.4).

Trains it with Algorithm 3 and draws Figures 2.5, 3.8, 3.9 and 3.10: see
kneerepro/trainings/wgan_gp.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('train', 'wgan_gp')
