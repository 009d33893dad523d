"""Figure 3.8: images that the WGAN-GP generates (section 3.4).

At "different epochs". Draws the newest finished run of wgan_gp.py, or trains
one first if none is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.8', 'wgan_gp', __doc__, __file__))
