"""The implementations of the Ops, one module for each family.

Importing this package registers them with
:mod:`kneerepro.engine.dispatch`.
"""

from ..dispatch import register_later
from . import (  # noqa: F401
    blas,
    collectives,
    conv,
    corr,
    elemwise,
    graph,
    linalg,
    nnet,
    old_conv,
    pool,
    random,
    rare,
    reduce,
    scan,
    shape,
    sort,
    subtensor,
)

register_later(f'{__name__}.diagonals', 'theano.tensor.nnet.conv3d2d')
register_later(f'{__name__}.fft', 'theano.tensor.fft')
register_later(
    f'{__name__}.sparse', 'theano.sparse.basic', 'theano.sparse.opt'
)
