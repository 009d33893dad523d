"""Look into the latent space of the trained networks (section 4.2).

It goes beyond the thesis: see kneerepro/commands/latent.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('latent')
