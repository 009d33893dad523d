"""Figure 3.7: losses of the DCGAN (section 3.3).

The thesis prints Figure 2.1's caption below it (E12). Draws the newest
finished run of dcgan.py, or trains one first if none is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.7')
