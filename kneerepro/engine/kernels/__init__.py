"""The implementations of the Ops, one module for each family.

Importing this package registers them with
:mod:`kneerepro.engine.dispatch`.
"""

from . import (  # noqa: F401
    conv,
    elemwise,
    graph,
    linalg,
    nnet,
    pool,
    random,
    rare,
    reduce,
    scan,
    shape,
    subtensor,
)
