"""Figure 2.5: architecture of the GANs (section 2.4.2).

"Both the DCGAN and the WGAN-GP networks had the same layout" but for the last
layer. Drawn from the networks that the parameters make, by default the
thesis's DCGAN, Tables 2.3 and 2.4.
"""

from kneerepro import cli
from kneerepro.redraw import figure_of_networks

if __name__ == '__main__':
    cli.run(lambda: figure_of_networks('2.5', 'dcgan', __doc__))
