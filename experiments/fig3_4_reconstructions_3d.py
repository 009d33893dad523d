"""Figure 3.4: reconstructions of the 3D autoencoder (section 3.2).

"[...] 3 different slide depths for 3 different patients at different training
times". Draws the newest finished run of cae3d.py, or trains one first if none
is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.4')
