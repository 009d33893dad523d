import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.elemwise import CAReduce, ProdWithoutZeros

from tests.engine.compare import FLOATS, INTEGERS, TYPES, EngineTest, values

AXES = [None, 0, 1, -1, -3, (0, 2), (1, -1), (0, 1, 2), ()]


def sums(x, axis, **kwargs):
    """The reductions that are defined over no elements."""
    return [
        T.sum(x, axis, **kwargs),
        T.prod(x, axis, **kwargs),
        T.any(x, axis, **kwargs),
        T.all(x, axis, **kwargs),
    ]


def extremes(x, axis, **kwargs):
    return [
        T.max(x, axis, **kwargs),
        T.min(x, axis, **kwargs),
        T.argmax(x, axis, **kwargs),
        *T.max_and_argmax(x, axis, **kwargs),
    ]


class AxesTest(EngineTest):
    def test_sums(self):
        x = T.tensor3()
        outputs = sum(
            (
                sums(x, axis, keepdims=keepdims)
                for axis in AXES
                for keepdims in (False, True)
            ),
            [],
        )
        compare = self.comparison([x], outputs)
        for shape in [(2, 3, 4), (1, 1, 1), (0, 3, 4), (2, 0, 4), (0, 0, 0)]:
            compare(values('float32', *shape))

    def test_extremes(self):
        x = T.tensor3()
        outputs = sum(
            (
                extremes(x, axis, keepdims=keepdims)
                for axis in AXES[:-1]
                for keepdims in (False, True)
            ),
            [T.argmin(x, axis) for axis in AXES[:-1]],
        )
        compare = self.comparison([x], outputs)
        compare(values('float32', 2, 3, 4))
        compare(values('float32', 1, 1, 1))
        # Of several equal elements, the first one counts.
        compare(np.float32([1, 2, 2, 1] * 6).reshape(2, 3, 4))

    def test_statistics(self):
        for dtype in FLOATS:
            x = T.tensor(dtype, (False,) * 3)
            self.assert_same(
                [x],
                [
                    f(x, axis, keepdims=keepdims)
                    for f in (T.mean, T.var, T.std)
                    for axis in AXES[:-1]
                    for keepdims in (False, True)
                ],
                values(dtype, 3, 2, 4),
            )

    def test_no_dimension(self):
        x = T.scalar()
        self.assert_same(
            [x], [*sums(x, None), T.max(x), T.mean(x)], np.float32(3)
        )

    def test_rows_of_an_empty_matrix(self):
        x = T.matrix()
        self.assert_same(
            [x],
            [T.max(x, 1), T.argmax(x, 1), T.min(x, 1)],
            values('float32', 0, 3),
        )

    def test_extremes_of_no_elements_are_refused(self):
        x = T.matrix()
        for output in T.max(x), T.min(x, 0), T.argmax(x, 0):
            self.assert_refused(
                ValueError, [x], output, values('float32', 0, 3)
            )


class TypesTest(EngineTest):
    def test_each(self):
        for dtype in TYPES:
            with self.subTest(dtype):
                x = T.tensor(dtype, (False, False))
                compare = self.comparison(
                    [x],
                    [
                        output
                        for axis in (None, 1)
                        for output in sums(x, axis) + extremes(x, axis)
                    ],
                    # The engine adds float16 in another order.
                    tolerance=1e-2 if dtype == 'float16' else None,
                )
                compare(values(dtype, 3, 4))
                compare(values(dtype, 2, 3, low=1, high=3))

    def test_accumulators(self):
        for dtype, inner, outer in [
            ('float32', 'float64', 'float64'),
            ('float32', 'float64', 'float32'),
            ('int8', 'int32', 'int32'),
            ('int8', 'int64', 'int8'),
            ('uint8', 'uint64', 'uint16'),
            ('int32', 'float64', 'float64'),
            ('bool', 'int64', 'int64'),
            ('float16', 'float32', 'float16'),
            ('float16', 'float32', 'float32'),
        ]:
            with self.subTest(dtype=dtype, inner=inner, outer=outer):
                x = T.tensor(dtype, (False, False))
                self.assert_same(
                    [x],
                    [
                        f(x, axis, dtype=outer, acc_dtype=inner)
                        for f in (T.sum, T.prod)
                        for axis in (None, 0)
                    ],
                    values(dtype, 3, 5, low=0, high=4),
                )

    def test_means_of_integers(self):
        x = T.lmatrix()
        self.assert_same(
            [x],
            [
                T.mean(x),
                T.mean(x, 0),
                T.mean(x > 0, 1),
                T.mean(x, dtype='float64'),
            ],
            values('int64', 3, 4),
        )

    def test_accumulates_in_double_precision(self):
        # In single precision, 1e9 + 1 is 1e9.
        x = T.vector()
        (expected,) = self.assert_same(
            [x], T.sum(x, acc_dtype='float64'), np.float32([1e9] + [1] * 999)
        )
        self.assertNotEqual(expected, np.float32(1e9))

    def test_wraps_around(self):
        for dtype in INTEGERS:
            x = T.tensor(dtype, (False,))
            self.assert_same(
                [x],
                [
                    T.sum(x, dtype=dtype, acc_dtype=dtype),
                    T.prod(x, dtype=dtype, acc_dtype=dtype),
                ],
                np.array([np.iinfo(dtype).max, 3, 5], dtype),
            )

    def test_bits(self):
        for dtype, name in itertools.product(
            ['bool', 'int8', 'int64', 'uint8'], ['and_', 'or_', 'xor']
        ):
            x = T.tensor(dtype, (False, False))
            scalar_op = getattr(T, name).scalar_op
            self.assert_same(
                [x],
                [CAReduce(scalar_op, axis)(x) for axis in (None, (0,), (1,))],
                values(dtype, 3, 4),
            )


class NotANumberTest(EngineTest):
    def test_anywhere(self):
        x = T.matrix()
        compare = self.comparison(
            [x],
            [
                output
                for axis in (None, 0, 1)
                for output in sums(x, axis)[:2]
                + extremes(x, axis)
                + [T.mean(x, axis), T.var(x, axis)]
            ],
        )
        for place in itertools.product(range(2), range(3)):
            data = values('float32', 2, 3)
            data[place] = np.nan
            compare(data)
        compare(np.full((2, 3), np.nan, 'float32'))
        compare(np.float32([[np.inf, -np.inf, 1], [np.inf, 0, 2]]))


class ProductTest(EngineTest):
    def test_gradient_with_zeros(self):
        x = T.dmatrix()
        compare = self.comparison(
            [x],
            [T.grad(T.prod(x, axis).sum(), x) for axis in (None, 0, 1)]
            + [ProdWithoutZeros(axis)(x) for axis in (None, (0,), (1,))],
        )
        compare(values('float64', 3, 4))
        compare(np.array([[0, 2, 3], [0, 0, 1], [4, 5, 6.0]]))


class GradientTest(EngineTest):
    def test_gradients(self):
        x = T.dmatrix()
        outputs = [
            T.sum(x, 0),
            T.mean(x, 1),
            T.var(x, 0),
            T.std(x, 1),
            T.max(x, 0),
            T.min(x),
            T.prod(x, 1),
            T.cumsum(x, 0),
            T.cumprod(x, 1),
        ]
        self.assert_same(
            [x],
            [T.grad((y**2).sum(), x) for y in outputs],
            values('float64', 3, 4),
        )


class CumulativeTest(EngineTest):
    def test_axes(self):
        x = T.tensor3()
        compare = self.comparison(
            [x],
            [
                f(x, axis)
                for f in (T.cumsum, T.cumprod)
                for axis in (None, 0, 1, 2, -1)
            ],
        )
        for shape in [(2, 3, 4), (1, 1, 1), (0, 3, 4), (2, 3, 0)]:
            compare(values('float32', *shape))

    def test_types(self):
        # For shorter types, Theano's Python returns a longer one.
        for dtype in ['int64', 'uint64', *FLOATS]:
            x = T.tensor(dtype, (False, False))
            self.assert_same(
                [x], [T.cumsum(x, 0), T.cumprod(x, 1)], values(dtype, 3, 4)
            )

    def test_short_types(self):
        for dtype in 'int8', 'int32', 'uint8', 'uint16', 'uint32':
            x, data = T.tensor(dtype, (False, False)), values(dtype, 3, 9)
            for mode in self.modes():
                found = theano.function(
                    [x], [T.cumsum(x, 0), T.cumprod(x, 1)], mode=mode
                )(data)
                self.assert_equal(
                    found,
                    [np.cumsum(data, 0, dtype), np.cumprod(data, 1, dtype)],
                )
