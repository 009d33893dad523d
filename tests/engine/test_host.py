import numpy as np
import theano
import theano.tensor as T
from theano.tensor import default

from tests.engine.compare import DEVICE, EngineTest, torch, torch_mode

if torch:
    from kneerepro.engine.host import host_expression


class ExpressionsTest(EngineTest):
    """Operations on single integers are Python's expressions."""

    def setUp(self):
        self.i, self.j = T.lscalars('ij')

    def on_host(self, inputs, outputs):
        """The code of a function of numbers on the host."""
        function = theano.function(inputs, outputs, mode=torch_mode(DEVICE))
        return function.fn.program.source

    def operations(self):
        i, j = self.i, self.j
        less = T.lt(i, j)
        return [
            i + j + 3,
            i * j * 2,
            i - j,
            i // j,
            -i,
            T.minimum(i, j),
            T.maximum(i, j),
            T.switch(less, i - 1, j + 1),
            less,
            T.le(i, j),
            T.gt(i, j),
            T.ge(i, j),
            T.eq(i, j),
            T.neq(i, j),
            T.and_(less, T.gt(i, 0)),
            T.or_(less, T.gt(i, 0)),
            T.switch(T.and_(less, T.lt(i, 2)), T.minimum(-i, 5), i // 2),
        ]

    def test_numbers(self):
        compare = self.comparison([self.i, self.j], self.operations())
        for pair in (3, 2), (2, 3), (2, 2), (-7, 2), (7, -2), (-7, -7):
            results = compare(*pair)
        self.assertEqual(results[0].dtype, 'int64')

    def test_division_by_zero(self):
        self.assert_same([self.i, self.j], self.i // self.j, 5, 0)

    def test_code(self):
        source = self.on_host(
            [self.i, self.j], T.switch(T.lt(self.i, self.j), self.i, 3)
        )
        self.assertRegex(source, r'h\d+ = h\d+ < h\d+\n')
        self.assertRegex(source, r'h\d+ = h\d+ if h\d+ else i3\n')

    def test_sizes_and_indices(self):
        x = T.tensor3()
        outputs = [
            x.shape[0] * x.shape[2],
            x[x.shape[1] - 2 : x.shape[0] + 1],
            x.reshape((x.shape[0] * x.shape[1], x.shape[2])),
            T.zeros((x.shape[0] + 1, T.minimum(x.shape[1], 2))),
            T.stack([x.shape[1], self.i + 1]),
        ]
        self.assert_same(
            [x, self.i],
            outputs,
            np.arange(24, dtype=x.dtype).reshape(4, 3, 2),
            5,
        )

    def test_numbers_as_arrays(self):
        # Theano's own code takes arrays, not numbers.
        x = T.matrix()
        size = theano.printing.Print('size')(x.shape[0] + 1)
        self.assert_same(
            [x], size.dimshuffle('x') * 2, np.ones((2, 3), x.dtype)
        )

    def test_no_number_at_all(self):
        x, y = T.dscalars('xy')
        number = default(x, y)
        function = theano.function(
            [x, y], [number, number + 1], mode=torch_mode(DEVICE)
        )
        self.assertEqual(function(None, 3), [3, 4])
        self.assertEqual(function(2, 3), [2, 3])

    def test_results_are_not_the_arguments(self):
        function = theano.function(
            [self.i, self.j],
            T.maximum(self.i, self.j),
            mode=torch_mode(DEVICE),
        )
        larger = np.array(7)
        result = function(larger, 3)
        self.assertIsInstance(result, np.ndarray)
        larger[...] = 9
        self.assertEqual(result, 7)

    def test_what_has_no_expression(self):
        i, x, v = self.i, T.dscalar(), T.lvector()
        small = T.bscalar()
        for output in (
            x + 1,
            v + 1,
            small + small,
            T.switch(T.lt(i, 2), i, T.lt(i, 3)),
            i % 3,
        ):
            with self.subTest(output=output):
                node = output.owner
                names = [f'h{k}' for k in range(len(node.inputs))]
                self.assertIsNone(host_expression(node, names))
