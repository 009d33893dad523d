"""Figure 2.3: architecture of the 2D autoencoder (section 2.4.1).

Draws the networks built from the parameters; the defaults are those of Tables
2.1 and 2.2.
"""

from kneerepro.experiment.redraw import figure_of_networks
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_networks('2.3', 'cae2d', __doc__))
