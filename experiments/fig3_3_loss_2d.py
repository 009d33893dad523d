"""Figure 3.3: losses of the 2D autoencoder (section 3.1).

"An example of the reconstructed image can be seen at the 20th, 40th and 80th
epoch." Draws the newest finished run of cae2d.py, or trains one first if none
is finished.
"""

from kneerepro.experiment.redraw import figure_of_run
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_run('3.3', 'cae2d', __doc__, __file__))
