"""Figure 2.5: architecture of the GANs (section 2.4.2).

"Both the DCGAN and the WGAN-GP networks had the same layout" but for the last
layer. Draws the networks built from the parameters; the defaults are those of
the thesis's DCGAN, Tables 2.3 and 2.4.
"""

from kneerepro.experiment.redraw import figure_of_networks
from kneerepro.utils import cli

if __name__ == '__main__':
    cli.run(lambda: figure_of_networks('2.5', 'dcgan', __doc__))
