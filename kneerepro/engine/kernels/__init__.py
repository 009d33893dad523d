"""Implementations of the Ops, a module for each family."""

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
