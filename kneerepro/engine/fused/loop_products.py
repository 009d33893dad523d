"""Products within loops: one product for all steps of a ``theano.scan``.

A step of a recurrent network often multiplies an element of a sequence by a
matrix that is the same in all steps. Theano moves elementwise operations out
of a loop, but not these products.
"""

from __future__ import annotations

import theano.tensor as T
from theano.gof.graph import io_toposort
from theano.gof.opt import local_optimizer
from theano.scan_module import scan_utils
from theano.scan_module.scan_op import Scan
from theano.tensor.basic import Dot

from .scans import may_change, reading


@local_optimizer([Scan])
def multiply_once(node):
    """Multiply a whole sequence by a matrix before the loop.

    The products of all steps then take memory at the same time. Loops with
    ``until`` or with a mode of their own stay as they are.
    """
    if not may_change(node):
        return False
    op = node.op
    inner_inputs, inner_outputs = scan_utils.reconstruct_graph(
        op.inputs, op.outputs
    )
    sequences = dict(zip(op.inner_seqs(inner_inputs), op.outer_seqs(node)))
    matrices = dict(
        zip(op.inner_non_seqs(inner_inputs), op.outer_non_seqs(node))
    )
    products = [
        inner.outputs[0]
        for inner in io_toposort(inner_inputs, inner_outputs)
        if isinstance(inner.op, Dot)
        and inner.inputs[0] in sequences
        and inner.inputs[1] in matrices
        and inner.inputs[1].ndim == 2
        and not any(inner.outputs[0].broadcastable)
    ]
    if not products:
        return False
    steps, *outer_inputs = node.inputs
    whole = [
        _product(sequences[left][:steps], matrices[right])
        for left, right in (product.owner.inputs for product in products)
    ]
    elements = {product: product.type() for product in products}
    loop = reading(op, inner_inputs, inner_outputs, elements)
    return loop(steps, *whole, *outer_inputs, return_list=True)


def _product(sequence, matrix):
    """The product of each element, a vector or a matrix, and a matrix."""
    if sequence.ndim == 2:
        return T.dot(sequence, matrix)
    count, rows, columns = (sequence.shape[axis] for axis in range(3))
    product = T.dot(sequence.reshape((count * rows, columns)), matrix)
    return product.reshape((count, rows, matrix.shape[1]))
