"""A runnable reproduction of "Training unsupervised deep learning algorithms
on 3D medical data" (L. Hanu, MSc thesis, Imperial College London, 2017).

Importing this package, before Theano, is all it takes to make unmodified
Theano 1.0.5 and Lasagne work on Python 3.9 to 3.13: see
:mod:`kneerepro.compat`. Theano itself is imported only by the modules that
need it, so the tools that only read DICOM start quickly.
"""

from kneerepro import compat

__version__ = '0.1.0'

compat.install(engine='kneerepro.engine')
