import theano.tensor as T
from theano.tensor import Sum

from tests.engine.compare import FLOATS, torch, values
from tests.engine.fused.helpers import CudaRewritesTest

if torch:
    from kneerepro.engine.fused.squares import SquareSum


class SquareSumTest(CudaRewritesTest):
    def test_values(self):
        for dtype in FLOATS:
            x = T.tensor(dtype, (False,) * 3)
            outputs = [
                T.sqr(x).sum(),
                T.sqr(x - 1).sum((0, 2)),
                T.sqr(x).mean(1),
                (T.exp(x) * T.exp(x)).sum((1, 2)),
            ]
            self.assertEqual(
                self.counts_of([SquareSum, Sum], [x], outputs), [2, 2]
            )
            for output in outputs:
                self.assertEqual(
                    self.counts_of([SquareSum, Sum], [x], [output]), [1, 0]
                )
                compare = self.comparison([x], [output])
                compare(values(dtype, 2, 3, 4))
                compare(values(dtype, 2, 0, 4))

    def test_squares_that_others_need(self):
        x, i = T.dmatrix(), T.imatrix()
        outputs = [T.sqr(x), T.sqr(x).sum(), T.sqr(i).sum(), (x**3).sum()]
        self.assertEqual(self.counts_of([SquareSum], [x, i], outputs), [0])
        self.assert_same(
            [x, i], outputs, values('float64', 3, 4), values('int32', 3, 4)
        )
