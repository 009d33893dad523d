"""Constant sequences of loops, such as zeros, made within the loop.

Theano moves whatever is the same in all steps out of a ``theano.scan``, also
the zeros with which the gradient of a part of a matrix begins. There, nothing
shows that they are zeros.
"""

from __future__ import annotations

import numpy as np
from theano.gof.opt import local_optimizer
from theano.scan_module import scan_utils
from theano.scan_module.scan_op import Scan
from theano.tensor import Alloc, alloc, lscalar

from .patterns import constant_value
from .scans import arguments, may_change


@local_optimizer([Scan])
def fill_inside(node):
    """Fill the elements of constant sequences in each step.

    Numbers take the place of the elements, so that the length of the sequence
    is still compared with the number of steps. Loops with ``until`` or with a
    mode of their own stay as they are.
    """
    if not may_change(node):
        return False
    args = arguments(node)
    filled = {}
    for i, outer in enumerate(args.outer_in_seqs):
        inner, value = args.inner_in_seqs[i], _constant_of(outer)
        if value is None or not inner.ndim:
            continue
        _, length, *sizes = outer.owner.inputs
        inner_sizes = [lscalar() for _ in sizes]
        number = np.asarray(value, inner.dtype)
        element = alloc(number, *inner_sizes)
        if element.type != inner.type:
            continue
        filled[inner] = element
        args.outer_in_seqs[i] = alloc(number, length)
        args.inner_in_seqs[i] = inner.type.clone(broadcastable=())()
        args.outer_in_non_seqs += sizes
        args.inner_in_non_seqs += inner_sizes
    if not filled:
        return False
    loop = Scan(
        args.inner_inputs,
        scan_utils.clone(args.inner_outputs, replace=filled),
        args.info,
    )
    return loop(*args.outer_inputs, return_list=True)


def _constant_of(sequence):
    """The number that all elements of a sequence have; None if it is not
    known.
    """
    node = sequence.owner
    if node is None or not isinstance(node.op, Alloc):
        return None
    return constant_value(node.inputs[0])
