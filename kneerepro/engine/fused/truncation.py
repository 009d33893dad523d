"""Truncated gradients of loops: ``theano.scan(truncate_gradient=...)``.

Such a gradient runs for fewer steps than the loop itself, but its outputs are
as long as those of the loop, with zeros at the end. Theano's optimisations of
loops take the length of an output for the number of steps, and then compute
with arrays of different lengths. So each output gets the length of the steps
here, and the zeros are appended outside of the loop.
"""

from __future__ import annotations

from theano.gof.opt import local_optimizer
from theano.scan_module.scan_op import Scan
from theano.tensor import join, zeros


@local_optimizer([Scan])
def shorten_outputs(node):
    """Let no output of a truncated gradient be longer than its steps."""
    op = node.op
    if not isinstance(op, Scan) or op.truncate_gradient == -1 or op.as_while:
        return False
    steps, first, count = node.inputs[0], op.nit_sot_arg_offset, op.n_nit_sot
    lengths = node.inputs[first : first + count]
    if all(length is steps for length in lengths):
        return False
    inputs = list(node.inputs)
    inputs[first : first + count] = [steps] * count
    outputs = op(*inputs, return_list=True)
    for i, length in enumerate(lengths, op.n_outs):
        if length is not steps:
            outputs[i] = _extended(outputs[i], length - steps)
    return outputs


def _extended(output, count):
    """A tensor with `count` zeros appended along its first axis."""
    sizes = [output.shape[axis] for axis in range(1, output.ndim)]
    return join(0, output, zeros([count, *sizes], output.dtype))
