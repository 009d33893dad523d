import theano.tensor as T
from theano.scalar import Composite, Sub

from tests.engine.compare import values
from tests.engine.fused.helpers import CudaRewritesTest


class RematerialiseTest(CudaRewritesTest):
    def test_differences_are_recomputed(self):
        x, row = T.matrix(), T.row()
        centred = x - row
        outputs = [T.exp(centred), T.tanh(centred)]
        self.assertEqual(
            self.counts_of([Sub, Composite], [x, row], outputs), [0, 2]
        )
        self.assert_same(
            [x, row], outputs, values('float32', 3, 4), values('float32', 1, 4)
        )

    def test_results_that_are_in_memory_anyway(self):
        x, y, row = T.matrix(), T.matrix(), T.row()
        centred = x - row
        for outputs in (
            [T.exp(centred), T.tanh(centred), centred],
            [T.exp(centred), T.dot(centred, centred)],
        ):
            self.assertEqual(
                self.counts_of([Sub, Composite], [x, row], outputs), [1, 0]
            )
        # To recompute this, two tensors would have to be read.
        self.assertEqual(
            self.counts_of(
                [Sub, Composite], [x, y], [T.exp(x - y), T.tanh(x - y)]
            ),
            [1, 0],
        )

    def test_operations_that_cannot_be_fused(self):
        x, row = T.matrix(), T.row()
        outputs = [T.gt(x - row, 0), T.lt(x - row, 1)]
        self.assertEqual(
            self.counts_of([Sub, Composite], [x, row], outputs), [1, 0]
        )
