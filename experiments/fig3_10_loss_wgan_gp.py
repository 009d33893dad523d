"""Figure 3.10: losses of the WGAN-GP (section 3.4).

"The loss functions for 35 epochs". Draws the newest finished run of
wgan_gp.py, or trains one first if none is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.10')
