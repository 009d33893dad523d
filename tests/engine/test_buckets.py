"""Which sums over processes share a call."""

from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam, nesterov_momentum, sgd

from tests.engine.compare import EngineTest, torch, torch_mode

if torch:
    from kneerepro.engine import buckets, processes
    from kneerepro.engine.distributed import (
        FinishAllReduce,
        StartAllReduce,
        average,
        divide,
        total,
    )


class BucketsTest(EngineTest):
    def compiled(self, inputs, outputs, limit=10**6, **kwargs):
        """A function as it is compiled on two processes."""
        with (
            mock.patch.object(processes, 'size', lambda: 2),
            mock.patch.object(buckets, 'BUCKET_BYTES', limit),
        ):
            return theano.function(
                inputs, outputs, mode=torch_mode('cpu'), **kwargs
            )

    def calls_of(self, function):
        return sorted(
            len(node.outputs)
            for node in function.maker.fgraph.apply_nodes
            if isinstance(node.op, FinishAllReduce)
        )

    def signatures_of(self, function):
        return [
            node.op.signature
            for node in function.maker.fgraph.toposort()
            if isinstance(node.op, StartAllReduce)
        ]

    def test_limit(self):
        x = divide(T.matrix())
        params = [
            theano.shared(np.ones((4, n), 'float32')) for n in (1, 2, 4, 8)
        ]
        loss = sum(T.sqr(T.dot(x, w)).sum() for w in params)
        for optimiser in sgd, adam, nesterov_momentum:
            for limit, sizes in [
                (1, [1, 1, 1, 1]),
                (40, [1, 1, 2]),
                (10**6, [4]),
            ]:
                with self.subTest(optimiser=optimiser.__name__, limit=limit):
                    function = self.compiled(
                        [x], [], limit, updates=optimiser(loss, params, 0.1)
                    )
                    self.assertEqual(self.calls_of(function), sizes)

    def test_sizes_from_the_graph(self):
        x, loss, params = divide(T.tensor4()), 0, []
        for shape in (3, 2, 5, 5), (1, 2, 3, 3):
            params.append(theano.shared(np.ones(shape, 'float32')))
            y = T.nnet.conv2d(x, params[-1], (None, 2, 9, 9), shape)
            loss += T.sqr(y).sum()
        gradients = theano.grad(loss, params)
        for limit, sizes in (72, [1, 1]), (601, [2]), (673, [2]):
            with self.subTest(limit):
                function = self.compiled([x], gradients, limit)
                self.assertEqual(self.calls_of(function), sizes)

    def test_kinds_are_apart(self):
        x, y = T.fvector(), T.dvector()
        function = self.compiled(
            [x, y], [total(x), average(x), total(y), average(T.exp(x))]
        )
        self.assertEqual(self.calls_of(function), [1, 1, 2])

    def test_sum_of_a_sum(self):
        x = T.vector()
        function = self.compiled([x], [total(total(x)), total(T.exp(x))])
        self.assertEqual(self.calls_of(function), [1, 2])

    def test_constant(self):
        function = self.compiled([], total(T.constant([1.0, 2.0])))
        self.assertEqual(self.calls_of(function), [1])

    def test_signatures(self):
        def signatures(make):
            x = T.vector()
            return self.signatures_of(self.compiled([x], make(x)))

        first = signatures(lambda x: total(T.exp(x)))
        self.assertEqual(signatures(lambda x: total(T.exp(x))), first)
        # Numbers may differ between processes.
        self.assertEqual(
            signatures(lambda x: total(2.0 * x)),
            signatures(lambda x: total(3.0 * x)),
        )
        for other in (
            lambda x: total(T.log(x)),
            lambda x: total(T.exp(x).sum()),
            lambda x: total(T.exp(T.exp(x))),
        ):
            self.assertNotEqual(signatures(other), first)
