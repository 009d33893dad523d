"""Sums that loops add up: one sum after a ``theano.scan`` instead of one in
each step.

The gradient by a bias is a vector that grows in each step by the sum of a
matrix along its rows. The loop adds up the matrices instead, which takes no
pass over memory of its own, and their total is summed afterwards.
"""

from __future__ import annotations

from collections import Counter

import theano
import theano.tensor as T
from theano.gof import Apply, FunctionGraph
from theano.gof.graph import io_toposort
from theano.gof.opt import Optimizer
from theano.gof.toolbox import ReplaceValidate
from theano.scalar import Add, Identity
from theano.scan_module import scan_utils
from theano.scan_module.scan_op import Scan
from theano.tensor import Subtensor, Sum
from theano.tensor.elemwise import DimShuffle, Elemwise

from .patterns import FLOATS, elemwise_inputs
from .scans import arguments, may_change


class SumAfterwards(Optimizer):
    """Move sums of matrices behind the loops that add them up.

    Nothing but the last total may be needed. Loops with ``until`` or with a
    mode of their own stay as they are.
    """

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        """Attach what :meth:`apply` needs to a graph."""
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph: FunctionGraph) -> None:
        """Rewrite a graph."""
        for node in fgraph.toposort():
            if may_change(node):
                replacements = _moved(node)
                if replacements:
                    fgraph.replace_all_validate(
                        replacements, reason='torch_loop_sums'
                    )


def _moved(node: Apply) -> list[tuple]:
    """What to replace so that sums come after a loop; nothing if there are
    none.
    """
    args = arguments(node)
    uses = Counter(args.inner_outputs)
    for step in io_toposort(args.inner_inputs, args.inner_outputs):
        uses.update(step.inputs)
    moved = {}
    for i, outer in enumerate(args.outer_out_sit_sot):
        before = args.inner_in_sit_sot[i]
        if uses[before] > 1 or not _is_last_needed(outer):
            continue
        matrices, ops = _added_sums(args.inner_out_sit_sot[i], before)
        like = _of_same_shape(matrices, args)
        if like is None:
            continue
        moved[i] = ops, outer, args.outer_in_sit_sot[i][0]
        total = matrices[0].type()
        args.inner_in_sit_sot[i] = total
        args.inner_out_sit_sot[i] = T.add(total, *matrices)
        zeros = T.zeros_like(like, total.dtype).dimshuffle('x', 0, 1)
        args.outer_in_sit_sot[i] = scan_utils.expand_empty(
            T.unbroadcast(zeros, 0), node.inputs[0]
        )
    if not moved:
        return []
    loop = Scan(args.inner_inputs, args.inner_outputs, args.info)
    results = loop(*args.outer_inputs, return_list=True)
    first = node.op.n_mit_mot + node.op.n_mit_sot
    replacements = [
        (old, new)
        for i, (old, new) in enumerate(zip(node.outputs, results))
        if i - first not in moved
    ]
    for i, (ops, outer, initial) in moved.items():
        total = results[first + i][-1]
        for step_op in ops:
            total = step_op(total)
        replacements += [
            (client.outputs[0], initial + total) for client, _ in outer.clients
        ]
    return replacements


def _added_sums(total, before):
    """The matrices whose sums a step adds to the total before it, and the Ops
    that make each sum of its matrix; nothing if that is not all that it does.
    """
    terms = _terms(total)
    if len(terms) < 2 or terms.count(before) != 1:
        return [], []
    terms.remove(before)
    matrices, all_ops = zip(*map(_matrix_of_sum, terms))
    if None in matrices or any(ops != all_ops[0] for ops in all_ops):
        return [], []
    return list(matrices), all_ops[0]


def _terms(variable):
    return [
        term
        for x in elemwise_inputs(variable, Add) or []
        for term in _terms(x)
    ] or [variable]


def _matrix_of_sum(variable):
    """The matrix whose sum a variable is, and the Ops that make the variable
    of it; None and nothing if it is no such sum.
    """
    ops: list = []
    while variable.owner is not None:
        op, (x, *others) = variable.owner.op, variable.owner.inputs
        ops.insert(0, op)
        if isinstance(op, Sum):
            is_matrix = x.ndim == 2 and not any(x.broadcastable)
            if is_matrix and x.dtype == variable.dtype in FLOATS:
                return x, ops
            break
        is_identity = isinstance(op, Elemwise) and isinstance(
            op.scalar_op, Identity
        )
        if others or not (is_identity or isinstance(op, DimShuffle)):
            break
        variable = x
    return None, []


def _of_same_shape(matrices, args) -> theano.Variable | None:
    """A variable outside of a loop that has the shape of matrices inside; None
    if none is known, or if the matrices may have several shapes.
    """
    known = dict(zip(args.inner_in_non_seqs, args.outer_in_non_seqs))
    for inner, outer in [
        *zip(args.inner_in_mit_mot, args.outer_in_mit_mot),
        *zip(args.inner_in_mit_sot, args.outer_in_mit_sot),
        *zip([[x] for x in args.inner_in_sit_sot], args.outer_in_sit_sot),
        *zip([[x] for x in args.inner_in_seqs], args.outer_in_seqs),
    ]:
        known.update(dict.fromkeys(inner, outer[0]))
    common, *others = [_elementwise_ancestors(x) for x in matrices] or [[]]
    for x in common:
        if x in known and all(x in ancestors for ancestors in others):
            return known[x]
    return None


def _elementwise_ancestors(matrix):
    """A matrix, and the inputs of the elementwise operations that compute it,
    as long as they have its shape.
    """
    found = [matrix]
    for x in found:
        found += [
            y
            for y in elemwise_inputs(x, object) or []
            if y.broadcastable == x.broadcastable and y not in found
        ]
    return found


def _is_last_needed(result):
    """Whether nothing but the last total of a loop is needed, if any is."""
    return all(
        client != 'output'
        and isinstance(client.op, Subtensor)
        and client.op.get_constant_idx(client.inputs, allow_partial=True)
        == [-1]
        for client, _ in result.clients
    )
