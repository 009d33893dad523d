import numpy as np
import theano
import theano.tensor as T
from theano.scalar import TrueDiv

from tests.engine.compare import FLOATS, values
from tests.engine.test_fused import FusedTest, count


class ImagesTest(FusedTest):
    """Has images, and numbers for their channels."""

    AXES = 0, 2, 3

    def setUp(self):
        self.x, self.c = T.dtensor4(), T.dvector()

    def numbers_of(self, kind, outputs):
        """How many operations of a kind there are, with the rewrites and
        without; and the numbers that come out."""
        inputs = [self.x, self.c]
        self.assert_same(
            inputs,
            outputs,
            values(self.x.dtype, 2, 3, 4, 5),
            values('float64', 3),
        )
        functions = [
            theano.function(
                inputs, outputs, mode=mode, on_unused_input='ignore'
            )
            for mode in self.modes()[:2]
        ]
        return [count(function, kind) for function in functions]


class MeansTest(ImagesTest):
    def test_one_division(self):
        for dtype in FLOATS:
            self.x = T.tensor(dtype, (False,) * 4)
            self.assertEqual(
                self.numbers_of(TrueDiv, [self.x.mean(self.AXES)]), [1, 3]
            )

    def test_what_is_no_size(self):
        # Of these, the product may be beyond the least number or the greatest.
        a, b = self.c[0], self.c[1]
        for mean in self.c / a / b, self.c / self.x.shape[0] / b:
            numbers = self.numbers_of(TrueDiv, [mean])
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
        fewer, before = self.numbers_of(TrueDiv, [gradient])
        self.assertLess(fewer, before)


class MultiplyAddTest(FusedTest):
    def test_values(self):
        from kneerepro.engine.fused.multiply_add import MultiplyAdd

        for dtype in FLOATS:
            x, a, b = (T.tensor(dtype, (False,) * 2) for _ in range(3))
            row, column = (
                T.tensor(dtype, (True, False)),
                T.tensor(dtype, (False, True)),
            )
            number = T.tensor(dtype, ())
            inputs = [x, a, b, row, column, number]
            data = [
                values(dtype, 4, 5),
                values(dtype, 4, 5),
                values(dtype, 4, 5),
                values(dtype, 1, 5),
                values(dtype, 4, 1),
                values(dtype),
            ]
            for output, fused in [
                (x + a * b, 1),
                (x - a * b, 1),
                (a * b + x, 1),
                (a * row + column, 1),
                (column + a * number, 1),
                (x - number * row * a * column, 1),
                (a * x + b * x, 1),
                (x + a * b + row, 1),
                (x + 0.5 * a, 1),
                (x - 0.5 * a, 1),
                # The product is of fewer numbers; or subtracted from.
                (x + row * number, 0),
                (a * b - x, 0),
            ]:
                self.assert_same(inputs, [output], *data)
                output = theano.function(
                    inputs,
                    output,
                    on_unused_input='ignore',
                    mode=self.modes()[0].excluding(
                        'local_add_canonizer', 'local_mul_canonizer'
                    ),
                )
                self.assertEqual(count(output, MultiplyAdd), fused)

    def test_product_that_is_needed(self):
        from kneerepro.engine.fused.multiply_add import MultiplyAdd

        x, a, b = T.dvectors(3)
        self.assert_fused({MultiplyAdd: 0}, [x, a, b], [x + a * b, a * b])
        self.assert_same(
            [x, a, b],
            [x + a * b, a * b],
            *(values('float64', 4) for _ in range(3)),
        )

    def test_integers_are_left_alone(self):
        from kneerepro.engine.fused.multiply_add import MultiplyAdd

        i, j, x = T.ivector(), T.ivector(), T.dvector()
        self.assert_fused({MultiplyAdd: 0}, [i, j, x], [i + i * j, x + i * j])
        self.assert_same(
            [i, j, x],
            [i + i * j, x + i * j],
            values('int32', 3),
            values('int32', 3),
            values('float64', 3),
        )

    def test_wrong_shapes(self):
        x, a, b = T.dvectors(3)
        self.assert_refused(
            ValueError,
            [x, a, b],
            [x + a * b],
            values('float64', 4),
            values('float64', 1),
            values('float64', 4),
        )

    def test_step_of_momentum(self):
        def run(mode):
            w, v = (
                theano.shared(values('float64', 3, 4) * 0 + 1)
                for _ in range(2)
            )
            step = theano.function(
                [],
                T.sum(w),
                mode=mode,
                updates=[
                    (v, 0.9 * v - 0.1 * T.sqr(w)),
                    (w, w + 0.9 * (0.9 * v - 0.1 * T.sqr(w)) - 0.1 * T.sqr(w)),
                ],
            )
            return [step() for _ in range(3)] + [w.get_value(), v.get_value()]

        self.assert_same_run(run)
