"""Figure 3.5: losses of the 3D autoencoder (section 3.2).

The thesis trains for 500 epochs. Draws the newest finished run of cae3d.py, or
trains one first if none is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.5')
