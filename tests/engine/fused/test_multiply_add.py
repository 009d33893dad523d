import theano
import theano.tensor as T

from tests.engine.compare import FLOATS, torch, values
from tests.engine.fused.helpers import FusedTest, count_ops

if torch:
    from kneerepro.engine.fused.multiply_add import MultiplyAdd


class MultiplyAddTest(FusedTest):
    def test_values(self):
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
                # The product is smaller than the sum, or is what something
                # is subtracted from.
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
                self.assertEqual(count_ops(output, MultiplyAdd), fused)

    def test_product_that_others_need(self):
        x, a, b = T.dvectors(3)
        self.assert_fused({MultiplyAdd: 0}, [x, a, b], [x + a * b, a * b])
        self.assert_same(
            [x, a, b],
            [x + a * b, a * b],
            *(values('float64', 4) for _ in range(3)),
        )

    def test_integers_are_left_alone(self):
        i, j, x = T.ivector(), T.ivector(), T.dvector()
        self.assert_fused({MultiplyAdd: 0}, [i, j, x], [i + i * j, x + i * j])
        self.assert_same(
            [i, j, x],
            [i + i * j, x + i * j],
            values('int32', 3),
            values('int32', 3),
            values('float64', 3),
        )

    def test_wrong_shapes_are_refused(self):
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
