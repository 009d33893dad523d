"""The thesis's four networks as Lasagne layers (section 2.4).

Each builder returns the output layers of two networks with input layers of
their own, as the thesis's tables show them. The defaults are the thesis's
tables as E1 to E5 and E14 (:mod:`kneerepro.thesis.errata`) read them; the other
readings are options.
"""

from kneerepro.networks.cae import build_cae2d, build_cae3d, output_bias_for
from kneerepro.networks.gan import build_dcgan, build_wgan_gp

__all__ = [
    'build_cae2d',
    'build_cae3d',
    'build_dcgan',
    'build_wgan_gp',
    'output_bias_for',
]
