import numpy as np
import theano.tensor as T
from theano.scalar import TrueDiv

from tests.engine.compare import FLOATS, values
from tests.engine.fused.helpers import ImagesTest


class MeansTest(ImagesTest):
    def test_one_division(self):
        for dtype in FLOATS:
            self.x = T.tensor(dtype, (False,) * 4)
            self.assertEqual(
                self.counts_of(TrueDiv, [self.x.mean(self.AXES)]), [1, 3]
            )

    def test_divisors_that_are_not_sizes(self):
        # The product of such divisors may overflow or underflow.
        a, b = self.c[0], self.c[1]
        for mean in self.c / a / b, self.c / self.x.shape[0] / b:
            numbers = self.counts_of(TrueDiv, [mean])
            self.assertEqual(*numbers)
        tiny = T.dscalars(2)
        self.assert_same(tiny, [tiny[0] / tiny[1] / tiny[1]], 1e-300, 1e-200)
        for number in 1e200, np.inf, np.nan, 0.0, -2.0:
            divisor = T.constant(number)
            self.assert_same(
                [self.c],
                [self.c / divisor / self.c.shape[0] / divisor],
                values('float64', 3),
            )
        x = T.tensor('float16', (False,) * 2)
        sizes = [T.cast(n, 'float16') for n in x.shape]
        self.assert_same(
            [x], [x / sizes[0] / sizes[1]], values('float16', 300, 300)
        )

    def test_products_of_sizes(self):
        variance = T.sqr(self.x - self.x.mean(self.AXES, keepdims=True)).mean(
            self.AXES
        )
        gradient = T.grad((self.c / T.sqrt(variance)).sum(), self.x)
        fewer, before = self.counts_of(TrueDiv, [gradient])
        self.assertLess(fewer, before)
