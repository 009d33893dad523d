"""A reproduction of "Training unsupervised deep learning algorithms on 3D
medical data" (L. Hanu, MSc thesis, Imperial College London, 2017).

Import this package before Theano: it then makes unmodified Theano 1.0.5 and
Lasagne work on Python 3.9 to 3.13, see :mod:`kneerepro.compat`. Only the
modules that use Theano import it, so that the data tools start quickly.

``train``, ``resume`` and ``open_run``, the functions of :mod:`kneerepro.api`,
are imported when they are first used.
"""

import importlib

from kneerepro import compat

__version__ = '0.1.0'

compat.install(engine='kneerepro.engine')

_OF_API = 'open_run', 'resume', 'train'


def __getattr__(name):
    if name in _OF_API:
        return getattr(importlib.import_module('kneerepro.api'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__():
    return sorted([*globals(), *_OF_API])
