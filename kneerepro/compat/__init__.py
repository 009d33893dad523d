"""Theano 1.0.5 and Lasagne on Pythons and libraries newer than they are."""

from kneerepro.compat.install import install

__all__ = ['install']
