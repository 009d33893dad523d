import numpy as np
import theano
import theano.tensor as T
from theano.compile.nanguardmode import NanGuardMode

from tests.engine.compare import EngineTest, values


class OpFromGraphTest(EngineTest):
    def test_values_and_gradients(self):
        x, y = T.dmatrices('xy')
        op = theano.OpFromGraph([x, y], [x + 2 * y, T.dot(x, y.T)])
        # An Op with one output, applied to the output of another Op.
        single = theano.OpFromGraph([x], [T.tanh(x)])
        a, b = op(x, y)
        c = single(a)
        cost = T.sum(T.sqr(b)) + T.sum(c * a)
        self.assert_same(
            [x, y],
            [a, b, c, *T.grad(cost, [x, y])],
            values('float64', 3, 4),
            values('float64', 3, 4),
        )

    def test_guarded(self):
        x = T.dmatrix()
        op = theano.OpFromGraph(
            [x],
            [T.sqrt(x)],
            mode=NanGuardMode(True, False, False, optimizer='fast_compile'),
        )
        self.set_flags(cxx='')
        self.assert_same([x], op(x) + 1, np.ones((3, 4)))
        for function in self.compiled([x], op(x) + 1):
            with self.assertRaisesRegex(AssertionError, 'NaN detected'):
                function(-np.ones((3, 4)))

    def test_shared_variable_inside(self):
        x = T.dmatrix()
        s = theano.shared(values('float64', 4))
        op = theano.OpFromGraph([x], [x * s])
        self.assert_same([x], op(x), values('float64', 3, 4))
        s.set_value(values('float64', 4))
        self.assert_same([x], op(x), values('float64', 3, 4))
