"""Predict the size of knees from an autoencoder's codes (section 4.2).

The thesis names it as future work: see kneerepro/commands/knee_size.py.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('knee_size')
