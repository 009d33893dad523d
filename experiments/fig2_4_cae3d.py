"""Figure 2.4: architecture of the 3D autoencoder (section 2.4.1).

"The same layout was preserved as in the 2D case." Draws the networks built
from the parameters; the defaults are the thesis's.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '2.4')
