"""Algorithms 1 to 3 of the thesis as compiled Theano functions.

Each ``compile_*`` takes networks from :mod:`kneerepro.networks`, or any of
your own with the same inputs and outputs, and the hyperparameters of
Table 2.5, which are the defaults.
"""

from kneerepro.algorithms.cae import compile_cae
from kneerepro.algorithms.dcgan import compile_dcgan
from kneerepro.algorithms.wgan_gp import compile_wgan_gp

__all__ = ['compile_cae', 'compile_dcgan', 'compile_wgan_gp']
