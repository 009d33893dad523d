"""The whole thesis in its order: all figures of chapters 2 and 3.

Finished runs are drawn again, stopped runs are resumed, and missing runs are
started. Given again, the same command therefore continues where it stopped.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('thesis')
