"""The thesis's four networks as Lasagne layers (section 2.4), and its GANs
extended to volumes (section 4.2).

Each builder returns the output layers of two networks, each with an input
layer of its own, as the thesis's tables list them. By default they follow the
tables with the errata E1 to E5 and E14 corrected as
:mod:`kneerepro.thesis.errata` describes. Parameters select other readings.
"""

from kneerepro.networks.cae import build_cae2d, build_cae3d, output_bias_for
from kneerepro.networks.gan import (
    build_dcgan,
    build_dcgan3d,
    build_wgan_gp,
    build_wgan_gp3d,
)

__all__ = [
    'build_cae2d',
    'build_cae3d',
    'build_dcgan',
    'build_dcgan3d',
    'build_wgan_gp',
    'build_wgan_gp3d',
    'output_bias_for',
]
