import itertools

import theano
import theano.tensor as T
from theano.tensor.nnet import relu

from tests.engine.compare import FLOATS, torch, values
from tests.engine.fused.helpers import FusedTest

if torch:
    from kneerepro.engine.fused.rectifier import (
        Rectifier,
        RectifierGradient,
        RectifierGradientByOutput,
    )


class RectifierTest(FusedTest):
    SLOPES = 0, 0.2, 0.01, 1, 2, -0.5

    def test_values_and_gradients(self):
        for dtype in FLOATS:
            x, g = T.tensor(dtype, (False,) * 2), T.tensor(dtype, (False,) * 2)
            outputs = []
            for slope in self.SLOPES:
                y = relu(x, slope)
                outputs += [y, T.grad(None, x, known_grads={y: g})]
            compare = self.comparison([x, g], outputs)
            data = values(dtype, 4, 30)
            compare(data, values(dtype, 4, 30))
            data[0, :3] = 0, -0.0, 1e-40
            compare(data, values(dtype, 4, 30))

    def test_is_one_operation(self):
        x, g = T.matrix(), T.matrix()
        for slope in 0, 0.2:
            y = relu(x, slope)
            self.assert_fused(
                {
                    Rectifier: 1,
                    RectifierGradientByOutput: 1,
                    RectifierGradient: 0,
                },
                [x, g],
                [y, T.grad(None, x, known_grads={y: g})],
            )

    def test_gradient_from_the_output(self):
        for dtype, slope in itertools.product(FLOATS, self.SLOPES):
            x, g = T.tensor(dtype, (False,) * 2), T.tensor(dtype, (False,) * 2)
            y = relu(x, slope)
            data = values(dtype, 4, 30)
            data[0, :3] = 0, -0.0, 1e-30
            self.assert_same(
                [x, g],
                [y, T.grad(None, x, known_grads={y: g})],
                data,
                values(dtype, 4, 30),
            )

    def test_gradient_from_an_input_that_is_kept_anyway(self):
        x, g = T.matrix(), T.matrix()
        y = relu(x, 0.2)
        self.assert_fused(
            {RectifierGradient: 1, RectifierGradientByOutput: 0},
            [x, g],
            [y, T.grad(None, x, known_grads={y: g}), T.exp(x)],
        )

    def test_slope_of_one_costs_nothing(self):
        x = T.matrix()
        function = theano.function([x], relu(x, 0.2), mode=self.modes()[0])
        (op,) = (
            node.op.scalar_op for node in function.maker.fgraph.toposort()
        )
        self.assertEqual(op.positive, 1)

    def test_second_derivative(self):
        x, w = T.dmatrix(), T.dmatrix()
        gradient = T.grad(T.sqr(relu(T.dot(x, w), 0.2)).sum(), x)
        penalty = T.sum(T.sqr(gradient))
        outputs = [penalty, T.grad(penalty, w)]
        self.assert_fused({RectifierGradient: 2}, [x, w], outputs)
        self.assert_same(
            [x, w], outputs, values('float64', 5, 3), values('float64', 3, 4)
        )

    def test_with_other_factors(self):
        x, y = T.matrix(), T.matrix()
        outputs = [
            0.6 * x * y + 0.4 * abs(x) * y,
            x + abs(x),
            3 * x - 2 * abs(x),
            0.5 * y * (x + abs(x)),
            2 * y + y * T.sgn(x),
        ]
        self.assert_fused(
            {Rectifier: 3, RectifierGradient: 1}, [x, y], outputs
        )
        self.assert_same(
            [x, y], outputs, values('float32', 3, 4), values('float32', 3, 4)
        )

    def test_similar_expressions_are_left_alone(self):
        x, y, i = T.matrix(), T.matrix(), T.imatrix()
        outputs = [
            x + abs(y),
            x * y + abs(x),
            y + x * T.sgn(x),
            i + abs(i),
            T.sgn(x) + 1,
        ]
        self.assert_fused(
            {Rectifier: 0, RectifierGradient: 0}, [x, y, i], outputs
        )
        self.assert_same(
            [x, y, i],
            outputs,
            values('float32', 3, 4),
            values('float32', 3, 4),
            values('int32', 3, 4),
        )

    def test_broadcasting(self):
        x, row = T.matrix(), T.row()
        self.assert_same(
            [x, row],
            [relu(row + x, 0.2), relu(row, 0.2) * x, 2 * x + x * T.sgn(row)],
            values('float32', 3, 4),
            values('float32', 1, 4),
        )
