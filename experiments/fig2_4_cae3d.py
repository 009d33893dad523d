"""Figure 2.4: architecture of the 3D autoencoder (section 2.4.1).

"The same layout was preserved as in the 2D case." Draws the networks built
from the parameters; the defaults are the thesis's.
"""

from kneerepro.experiment.redraw import figure_of_networks
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_networks('2.4', 'cae3d', __doc__))
