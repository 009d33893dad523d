"""Figure 2.3: architecture of the 2D autoencoder (section 2.4.1).

Draws the networks built from the parameters; the defaults are those of Tables
2.1 and 2.2.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '2.3')
