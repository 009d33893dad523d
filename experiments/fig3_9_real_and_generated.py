"""Figure 3.9: real and generated images (section 3.4).

"[...] an illustrative comparison between 100 real and generated images at the
end of the iterations". Draws the newest finished run of wgan_gp.py, or trains
one first if none is finished.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '3.9')
