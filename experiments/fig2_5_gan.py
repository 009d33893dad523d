"""Figure 2.5: architecture of the GANs (section 2.4.2).

"Both the DCGAN and the WGAN-GP networks had the same layout" but for the last
layer. Draws the networks built from the parameters; the defaults are those of
the thesis's DCGAN, Tables 2.3 and 2.4.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '2.5')
