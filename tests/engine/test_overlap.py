"""The order in which sums over processes begin and end."""

from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from theano.tensor import Dot

from tests.engine.compare import EngineTest, torch, torch_mode

if torch:
    from kneerepro.engine import buckets, processes
    from kneerepro.engine.distributed import (
        FinishAllReduce,
        StartAllReduce,
        divide,
        total,
    )
    from kneerepro.engine.overlap import overlapped


class OverlapTest(EngineTest):
    def order_of(self, inputs, outputs, limit=1, **kwargs):
        """The nodes of a function on two processes, as they run."""
        with (
            mock.patch.object(processes, 'size', lambda: 2),
            mock.patch.object(buckets, 'BUCKET_BYTES', limit),
        ):
            function = theano.function(
                inputs, outputs, mode=torch_mode('cpu'), **kwargs
            )
        fgraph = function.maker.fgraph
        order = overlapped(fgraph, fgraph.toposort())
        done = set(fgraph.inputs)
        for node in order:
            for variable in node.inputs:
                self.assertTrue(
                    variable in done or isinstance(variable, theano.Constant)
                )
            done.update(node.outputs)
        self.assertEqual(set(order), fgraph.apply_nodes)
        return order

    def positions(self, order, op_class):
        return [
            i for i, node in enumerate(order) if isinstance(node.op, op_class)
        ]

    def test_nothing_to_do(self):
        x = T.matrix()
        function = theano.function([x], T.exp(x), mode=torch_mode('cpu'))
        fgraph = function.maker.fgraph
        order = fgraph.toposort()
        self.assertIs(overlapped(fgraph, order), order)

    def test_last_gradients_are_sent_first(self):
        x = divide(T.matrix())
        params = [
            theano.shared(np.ones((4, 4), 'float32'), f'w{i}')
            for i in range(4)
        ]
        y = x
        for w in params:
            y = T.tanh(T.dot(y, w))
        order = self.order_of([x], theano.grad(y.sum(), params))
        starts = self.positions(order, StartAllReduce)
        self.assertEqual(len(starts), 4)
        products = self.positions(order, Dot)
        # After each of the first three begins, there are products left, which
        # are computed while it is under way.
        before = [sum(i < start for i in products) for start in starts]
        self.assertEqual(before, [5, 7, 9, 11])
        self.assertGreater(
            min(self.positions(order, FinishAllReduce)), starts[-1]
        )

    def test_other_work_while_a_sum_is_under_way(self):
        x = T.vector()
        inner = total(T.exp(x).sum())
        order = self.order_of(
            [x], [total(T.sqr(inner * x).sum()), total(T.log(x).sum())]
        )
        names = [str(node.op) for node in order]
        start = self.positions(order, StartAllReduce)[0]
        finish = self.positions(order, FinishAllReduce)[0]
        (other,) = (i for i, name in enumerate(names) if '{log' in name)
        self.assertLess(start, other)
        self.assertLess(other, finish)

    def test_levels(self):
        x, y = T.vectors('xy')
        chain = total(T.exp(total(T.exp(total(x)))))
        order = self.order_of([x, y], [chain, total(T.log(total(y)))], 10**6)
        sizes = [
            len(node.outputs)
            for node in order
            if isinstance(node.op, FinishAllReduce)
        ]
        # Three calls, as the longest chain requires, and one for the other
        # last sum, which the end of the chain need not wait for.
        self.assertEqual(sorted(sizes), [1, 2, 2])
