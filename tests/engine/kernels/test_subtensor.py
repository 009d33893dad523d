import itertools
import unittest

import numpy as np
import theano.tensor as T

from tests.engine.compare import (
    DEVICE,
    TYPES,
    EngineTest,
    WithoutUnsigned,
    values,
)

X = T.tensor3('x')
BASIC = [
    (0,),
    (-1,),
    (1, 2),
    (1, 2, 3),
    (slice(None), 1),
    (Ellipsis, 0),
    (slice(1, None),),
    (slice(None, -1), slice(1, 3)),
    (slice(None, None, 2), slice(None), slice(None, None, -1)),
    (slice(None, None, -2), slice(2, 0, -1), slice(-1, None, -3)),
    (slice(None), slice(5, 1)),
    (slice(10, None), 1),
    (slice(-2, None), slice(None), slice(1, -1, 2)),
    (slice(100, None, -1), slice(-100, 100)),
]
ROWS, PLACES = np.array([2, 0, 2, -1]), np.array([[0, 1], [3, -4]])
ADVANCED = [
    (ROWS,),
    (PLACES,),
    (slice(None), ROWS),
    (slice(None), slice(None), ROWS),
    (ROWS, 1),
    (1, ROWS),
    (ROWS, slice(None), ROWS),
    (ROWS, ROWS),
    (ROWS, ROWS, ROWS),
    (0, slice(None), ROWS),
    (PLACES, PLACES % 3),
    (ROWS[:, None], ROWS[None, :]),
    (ROWS, slice(2, 0, -1), 1),
    (slice(3, 0, -2), ROWS),
    (slice(1, None), ROWS, slice(None, 2)),
    (np.array([[1], [0]]), ROWS, 2),
    (ROWS[:0],),
]
MASKS = [
    (np.arange(60).reshape(4, 3, 5) % 7 > 3,),
    (np.array([True, False, True, True]),),
    (slice(None), np.array([True, False, True])),
    (np.arange(12).reshape(4, 3) % 2 == 0,),
    (np.arange(12).reshape(4, 3) % 2 == 0, 1),
    (np.zeros(4, bool),),
    (np.zeros((4, 3, 5), bool),),
    (slice(1, 3), np.array([True, False, True]), slice(4, 1, -1)),
]
NEW_AXES = [
    (None, 1, slice(None), slice(1, 3)),
    (0, None, 1, None, slice(None)),
    (slice(None), None, slice(None, None, -1), slice(None)),
    (None, ROWS),
    (ROWS, None, ROWS),
    (None, MASKS[1][0]),
]


class ConstantIndexTest(EngineTest):
    """Indices of a tensor of shape (4, 3, 5)."""

    def check(self, indices):
        data = values('float32', 4, 3, 5)
        parts = [X[index] for index in indices]
        self.assert_same([X], parts, data)
        outputs, y = [], T.scalar()
        for index, part in zip(indices, parts):
            # Write a number, a tensor of the part's shape, and a vector that
            # broadcasts.
            whole = data[index]
            others = [y, values('float32', *whole.shape)]
            # Theano takes rows of a later axis through a transposed view, for
            # which it does not broadcast.
            if whole.ndim and not isinstance(index[0], slice):
                others.append(values('float32', *whole.shape[-1:]))
            for other in others:
                outputs += [
                    T.set_subtensor(part, other),
                    T.inc_subtensor(part, other),
                ]
        self.assert_same([X, y], outputs, data, np.float32(3))
        self.assert_same(
            [X], [T.grad(T.sum(part**2), X) for part in parts], data
        )

    def test_basic(self):
        self.check(BASIC)

    def test_advanced(self):
        self.check(ADVANCED)

    def test_masks(self):
        self.check(MASKS)

    def test_new_axes(self):
        self.assert_same(
            [X], [X[index] for index in NEW_AXES], values('float32', 4, 3, 5)
        )

    def test_second_order(self):
        for index in BASIC[7], BASIC[9], ADVANCED[1], ADVANCED[9]:
            loss = T.sum(X[index] ** 3)
            by_x = T.grad(loss, X)
            self.assert_same(
                [X],
                T.grad(T.sum(by_x**2), X),
                values('float32', 4, 3, 5, low=-1, high=2),
            )

    def test_gradients_of_changes(self):
        x, y = T.dmatrix(), T.dmatrix()
        rows = np.array([2, 0])
        for part, size in [
            (x[1:3], (2, 4)),
            (x[::-2], (2, 4)),
            (x[rows], (2, 4)),
            (x[rows, :2], (2, 2)),
        ]:
            for change in T.set_subtensor, T.inc_subtensor:
                loss = T.sum(change(part, y) ** 2)
                self.assert_same(
                    [x, y],
                    T.grad(loss, [x, y]),
                    values('float64', 3, 4),
                    values('float64', *size),
                )


class SymbolicIndexTest(EngineTest):
    def test_numbers(self):
        x, i, j = T.matrix(), T.lscalar(), T.bscalar()
        compare = self.comparison(
            [x, i, j],
            [
                x[i],
                x[:i],
                x[i:],
                x[i, j],
                x[:, j],
                x[i:j],
                x[j::-1],
                x[::i],
                x[i:j:-1],
                x[x.shape[0] - 1],
                T.set_subtensor(x[i:], 7),
                T.inc_subtensor(x[i, j], 2),
                T.set_subtensor(x[:, j], x[:, 0]),
            ],
        )
        for i, j in [(1, 2), (-1, 0), (-2, -1), (2, 1)]:
            compare(values('float32', 3, 4), i, j)

    def test_arrays(self):
        for dtype in 'int8', 'int32', 'int64', 'uint8', 'uint16', 'uint32':
            x, rows = T.matrix(), T.tensor(dtype, (False,))
            compare = self.comparison(
                [x, rows],
                [
                    x[rows],
                    x[:, rows],
                    x[rows, rows],
                    x[rows, 1:],
                    x[T.stack([rows, rows])],
                    T.inc_subtensor(x[rows], 1),
                    T.set_subtensor(x[rows, rows], 5),
                    T.grad(T.sum(x[rows] ** 2), x),
                ],
            )
            compare(values('float32', 3, 4), np.array([2, 0, 2, 1], dtype))
            compare(values('float32', 3, 4), np.array([], dtype))

    def test_masks(self):
        x, y = T.matrix(), T.scalar()
        compare = self.comparison(
            [x, y],
            [
                x[x > 0],
                x[T.eq(x, x)],
                x[(x > 0).nonzero()],
                T.set_subtensor(x[x > y], y),
                T.inc_subtensor(x[x < y], 10),
                x[x.sum(1) > 0],
                T.grad(T.sum(x[x > 0] ** 2), x),
            ],
        )
        compare(values('float32', 3, 4), 1)
        compare(values('float32', 3, 4), 100)
        compare(values('float32', 0, 4), 1)

    def test_taken(self):
        x, rows = T.tensor3(), T.lvector()
        self.assert_same(
            [x, rows],
            [
                T.take(x, rows),
                x.take(rows, 0),
                x.take(rows, 2),
                x.take(1, 1),
                T.take(x, T.stack([rows, rows]), 0),
                T.choose(rows % 2, x[:2, 0, :3]),
            ],
            values('float32', 3, 4, 5),
            np.array([2, 0, 1]),
        )

    def test_one_of_each_row(self):
        x, column = T.matrix(), T.ivector()
        y = x[T.arange(x.shape[0]), column]
        self.assert_same(
            [x, column],
            [y, T.grad(T.sum(y**2), x)],
            values('float32', 3, 4),
            np.int32([3, 0, 3]),
        )


class InPlaceTest(EngineTest):
    """Parts of intermediate results are changed without a copy."""

    def test_gradients_of_parts(self):
        # Each part of the gradient is added to the same zeros.
        x = T.dmatrix()
        parts = [T.sqr(x[:, 2 * k : 2 * k + 3]) * (k + 1) for k in range(3)]
        outputs = [T.grad(sum(part.sum() for part in parts), x)]
        self.assert_same([x], outputs, values('float64', 4, 7))

    def test_parts_of_zeros(self):
        x, n = T.dmatrix(), T.lscalar()
        zeros = T.zeros((4, n))
        self.assert_same(
            [x, n],
            [
                T.inc_subtensor(zeros[:, :n], x),
                T.inc_subtensor(zeros[1:, 2 : n - 1], x[0, 0]),
                T.inc_subtensor(zeros[::-1, 1::2], x[:, 1::2]),
                T.set_subtensor(zeros[2], x[3]),
                T.inc_subtensor(T.zeros((4, n), 'int8')[1, :2], -1),
            ],
            values('float64', 4, 7),
            7,
        )

    def test_what_is_needed_later_stays(self):
        x, y = T.dmatrices('xy')
        sums = x + y
        changed = T.inc_subtensor(sums[1:], y[1:])
        again = T.set_subtensor(changed[:, ::-2], x[:, ::-2])
        for outputs in (
            [again],
            [sums, again],
            [changed, again * 2],
            [changed.sum(), again, T.inc_subtensor(changed[0], 1.0)],
        ):
            given = values('float64', 3, 5), values('float64', 3, 5)
            kept = [array.copy() for array in given]
            self.assert_same([x, y], outputs, *given)
            np.testing.assert_array_equal(given, kept)

    def test_added_to_its_own_part(self):
        x = T.dvector()
        y = T.exp(x)
        z = T.inc_subtensor(y[1:], y[:-1])
        self.assert_same([x], [z], values('float64', 6))
        self.assert_same(
            [x], [T.inc_subtensor(y[:], T.sin(y))], values('float64', 6)
        )

    def test_other_types(self):
        x, y = T.fvector(), T.dvector()
        for dtype in 'int8', 'uint16', 'float16':
            z = T.cast(x, dtype)
            self.assert_same(
                [x, y],
                [T.set_subtensor(z[::2], T.cast(y[::2], dtype))],
                values('float32', 5, low=0),
                values('float64', 5, low=0),
            )


class DuplicatesTest(EngineTest):
    def test_increments_add_up(self):
        x, y = T.matrix(), T.matrix()
        rows = np.array([1, 1, 0, 1])
        found = self.assert_same(
            [x, y],
            [
                T.inc_subtensor(x[rows], y),
                T.inc_subtensor(x[rows, rows], y[:, 0]),
                T.inc_subtensor(x[rows[:, None], rows[None, :]], 1),
                T.inc_subtensor(x[:, rows], 1),
                T.inc_subtensor(x[np.array([True, False, True])], 2),
            ],
            np.zeros((3, 4), 'float32'),
            np.ones((4, 4), 'float32'),
        )
        self.assertEqual(found[0][1, 0], 3)

    def test_last_one_is_set(self):
        x = T.vector()
        self.assert_same(
            [x],
            T.set_subtensor(
                x[np.array([1, 1, 0, 1])], np.float32([1, 2, 3, 4])
            ),
            values('float32', 3),
        )

    def test_last_one_is_set_of_many(self):
        # With so many rows, several threads write on the CPU.
        x, y, rows = T.matrix(), T.matrix(), T.lvector()
        z, columns = y[:, 0], T.zeros_like(rows)
        compare = self.comparison(
            [x, y, rows],
            [
                T.set_subtensor(x[rows], y),
                T.set_subtensor(x[rows, columns], z),
                T.set_subtensor(x[rows, 1:], y[:, 1:]),
            ],
        )
        for _ in range(3):
            compare(
                values('float32', 4, 2),
                values('float32', 300000, 2),
                values('int64', 300000, low=-4, high=4),
            )

    def test_many(self):
        # As for embeddings: many indices, few different rows.
        x, rows, y = T.dmatrix(), T.lvector(), T.dmatrix()
        self.assert_same(
            [x, rows, y],
            T.inc_subtensor(x[rows], y),
            values('float64', 5, 3),
            values('int64', 1000, low=0, high=5),
            values('float64', 1000, 3),
        )


class TypesTest(EngineTest):
    def test_each(self):
        rows = np.array([2, 0, 2])
        for dtype in TYPES:
            with self.subTest(dtype):
                x, y = (T.tensor(dtype, (False, False)) for _ in range(2))
                outputs = [
                    x[1],
                    x[::-2],
                    x[rows],
                    x[rows, :2],
                    x[rows, rows],
                    T.set_subtensor(x[1:], y[0]),
                    T.set_subtensor(x[rows], y),
                ]
                if dtype != 'bool':
                    outputs += [
                        T.inc_subtensor(x[:, 1:3], y[:, :2]),
                        T.inc_subtensor(x[rows], y),
                        T.inc_subtensor(x[rows, rows], y[0, :3]),
                    ]
                compare = self.comparison([x, y], outputs)
                most = values(dtype, 3, 4)
                if dtype.startswith('u'):
                    most[1] = -1 % 2 ** (8 * most.itemsize)
                with WithoutUnsigned():
                    compare(most, values(dtype, 3, 4))

    def test_mixed(self):
        for a, b in itertools.product(
            ['float64', 'float32'], ['int8', 'uint16', 'float32']
        ):
            x, y = T.tensor(a, (False,)), T.tensor(b, (False,))
            self.assert_same(
                [x, y],
                [
                    T.set_subtensor(x[1:3], y),
                    T.inc_subtensor(x[:2], y),
                    T.inc_subtensor(x[np.array([0, 0])], y),
                ],
                values(a, 4),
                values(b, 2),
            )


class EmptyTest(EngineTest):
    def test_empty(self):
        x = T.matrix()
        compare = self.comparison(
            [x],
            [
                x[:0],
                x[5:],
                x[::-1],
                x[:, 1:1],
                x[np.array([], 'int64')],
                T.set_subtensor(x[:0], 1),
                T.inc_subtensor(x[::-1], 1),
                T.inc_subtensor(x[np.array([], 'int64')], 1),
                T.grad(x[5:].sum(), x),
            ],
        )
        for size in [(0, 3), (3, 0), (2, 3)]:
            compare(values('float32', *size))


class RefusedTest(EngineTest):
    def test_out_of_bounds(self):
        x, i = T.matrix(), T.lscalar()
        for output in x[i], x[:, i], T.set_subtensor(x[i], 0):
            for place in 5, -5:
                self.assert_refused(
                    IndexError, [x, i], output, values('float32', 3, 4), place
                )

    @unittest.skipIf(
        DEVICE != 'cpu',
        'CUDA finds it itself, and then nothing else can be done with it',
    )
    def test_arrays_out_of_bounds(self):
        x, rows = T.matrix(), T.lvector()
        for output in (
            x[rows],
            x[rows, 0],
            x[rows, rows],
            T.inc_subtensor(x[rows], 1),
            T.set_subtensor(x[rows], 1),
            T.set_subtensor(x[0, rows], 1),
        ):
            for place in 5, -5:
                self.assert_refused(
                    IndexError,
                    [x, rows],
                    output,
                    values('float32', 3, 4),
                    np.array([0, place]),
                )

    def test_shapes_that_do_not_fit(self):
        x, y = T.matrix(), T.matrix()
        for part in x[1:], x[np.array([0, 1])], x[:, np.array([0, 1, 2, 3])]:
            self.assert_refused(
                ValueError,
                [x, y],
                T.set_subtensor(part, y),
                values('float32', 3, 4),
                values('float32', 2, 3),
            )
