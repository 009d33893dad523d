"""Figure 3.3: losses of the 2D autoencoder (section 3.1).

"An example of the reconstructed image can be seen at the 20th, 40th and 80th
epoch." Draws the newest finished run of cae2d.py, or trains one first if none
is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.3')
