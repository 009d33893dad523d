"""Changing the graphs of ``theano.scan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import theano
from theano.gof import Apply
from theano.scan_module import scan_utils
from theano.scan_module.scan_op import Scan


def may_change(node: Apply) -> bool:
    """Whether a node is a loop whose operations may leave it.

    A loop with ``until`` may end before it needs them. One with a mode of its
    own may look at each of them.
    """
    op = node.op
    return isinstance(op, Scan) and not op.as_while and op.mode is None


def arguments(node: Apply) -> scan_utils.scan_args:
    """The inputs and outputs of a loop by their kinds, outside and in a copy
    of its inner graph.
    """
    op = node.op
    return scan_utils.scan_args(
        node.inputs,
        node.outputs,
        *scan_utils.reconstruct_graph(op.inputs, op.outputs),
        op.info,
    )


def reading(
    op: Scan,
    inputs: Sequence[theano.Variable],
    outputs: Sequence[theano.Variable],
    elements: Mapping[theano.Variable, theano.Variable],
) -> Scan:
    """A loop that reads values from further sequences.

    Parameters
    ----------
    op : theano.scan_module.scan_op.Scan
        The loop that computes the values.
    inputs, outputs : list of Variable
        Its inner graph.
    elements : dict of Variable to Variable
        Inner variables, and the elements of sequences that take their place.

    Returns
    -------
    theano.scan_module.scan_op.Scan
        Its new sequences come before the others, each once, in the order in
        which `elements` names them.
    """
    new = list(dict.fromkeys(elements.values()))
    outputs = scan_utils.clone(outputs, replace=elements)
    return Scan(
        *scan_utils.reconstruct_graph([*new, *inputs], outputs),
        {**op.info, 'n_seqs': op.n_seqs + len(new)},
    )
