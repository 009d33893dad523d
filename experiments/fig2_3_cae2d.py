"""Figure 2.3: architecture of the 2D autoencoder (section 2.4.1).

Drawn from the networks that the parameters make, by default the thesis's,
Tables 2.1 and 2.2.
"""

from kneerepro.experiment.redraw import figure_of_networks
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_networks('2.3', 'cae2d', __doc__))
