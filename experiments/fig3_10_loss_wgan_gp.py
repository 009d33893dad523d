"""Figure 3.10: losses of the WGAN-GP (section 3.4).

"The loss functions for 35 epochs". Draws the newest finished run of
wgan_gp.py, or trains one first if none is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.10', 'wgan_gp', __doc__, __file__))
