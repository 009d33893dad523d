"""Figure 3.2: six reconstructions of the 2D autoencoder (section 3.1).

"The samples were taken every 20 slides from the first patient." Draws the
newest finished run of cae2d.py, or trains one first if none is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.2', 'cae2d', __doc__, __file__))
