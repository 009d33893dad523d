"""Figure 3.6: images that the DCGAN generates (section 3.3).

"A random selection of 9 generated images was chosen at 6 training times".
Draws the newest finished run of dcgan.py, or trains one first if none is
finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.6')
