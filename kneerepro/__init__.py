"""A reproduction of "Training unsupervised deep learning algorithms on 3D
medical data" (L. Hanu, MSc thesis, Imperial College London, 2017).

Import this package before Theano: it then makes unmodified Theano 1.0.5 and
Lasagne work on Python 3.9 to 3.13, see :mod:`kneerepro.compat`. Only the
modules that use Theano import it, so that the data tools start quickly.
"""

from kneerepro import compat

__version__ = '0.1.0'

compat.install(engine='kneerepro.engine')
