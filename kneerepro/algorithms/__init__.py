"""Algorithms 1 to 3 of the thesis as compiled Theano functions.

Each ``compile_*`` takes two networks: those of :mod:`kneerepro.networks`, or
your own with the same inputs and outputs. The default hyperparameters are
those of Table 2.5.
"""

from kneerepro.algorithms.cae import compile_cae
from kneerepro.algorithms.dcgan import compile_dcgan
from kneerepro.algorithms.wgan_gp import compile_wgan_gp

__all__ = ['compile_cae', 'compile_dcgan', 'compile_wgan_gp']
