"""Run Theano 1.0.5 and Lasagne on Pythons and libraries that are newer."""

from kneerepro.compat.install import install

__all__ = ['install']
