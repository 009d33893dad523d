"""Figure 3.2: six reconstructions of the 2D autoencoder (section 3.1).

"The samples were taken every 20 slides from the first patient." Draws the
newest finished run of cae2d.py, or trains one first if none is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.2')
