import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.compile.ops import Rebroadcast
from theano.tensor.basic import AllocEmpty, Tile, diag
from theano.tensor.extra_ops import CpuContiguous, squeeze, to_one_hot
from theano.tensor.nnet.neighbours import neibs2images
from theano.tensor.opt import Assert

from tests.engine.compare import (
    DEVICE,
    TYPES,
    EngineTest,
    WithoutUnsigned,
    torch_mode,
    values,
)


class ReshapeTest(EngineTest):
    def test_constant_shapes(self):
        x = T.tensor3()
        self.assert_same(
            [x],
            [
                x.reshape(shape, ndim=len(shape))
                for shape in [
                    (24,),
                    (-1,),
                    (4, -1),
                    (2, 3, 4),
                    (-1, 2, 2, 2),
                    (1, 24),
                    (1, -1, 1),
                    (4, 3, 2),
                ]
            ]
            + [x.flatten(), x.flatten(2), x.flatten(3), T.flatten(x, 2)],
            values('float32', 2, 3, 4),
        )

    def test_symbolic_shapes(self):
        x, n = T.matrix(), T.iscalar()
        compare = self.comparison(
            [x, n],
            [
                x.reshape((n, -1)),
                x.reshape((x.shape[1], x.shape[0])),
                x.reshape((-1, n, 2)),
                x.reshape([x.size]),
                x.T.reshape((n, -1)),
                x.reshape(T.stack([n, x.size // n]), ndim=2),
            ],
        )
        compare(values('float32', 4, 6), 2)
        compare(values('float32', 2, 4), 4)

    def test_empty(self):
        x, shape = T.matrix(), T.lvector()
        compare = self.comparison([x, shape], x.reshape(shape, ndim=2))
        for size, wanted in [
            ((0, 3), (3, 0)),
            ((3, 0), (0, 7)),
            ((0, 0), (0, 5)),
            ((0, 3), (-1, 3)),
        ]:
            compare(values('float32', *size), np.array(wanted))

    def test_any_negative_size_is_inferred(self):
        x, shape = T.matrix(), T.lvector()
        compare = self.comparison([x, shape], x.reshape(shape, ndim=2))
        for wanted in (-2, 3), (6, -5):
            compare(values('float32', 2, 3), np.array(wanted))

    def test_refused(self):
        x, shape = T.matrix(), T.lvector()
        output = x.reshape(shape, ndim=2)
        for size, wanted in [
            ((2, 3), (4, 2)),
            ((2, 3), (-1, 4)),
            ((2, 3), (-1, -1)),
            ((2, 3), (-1, -2)),
            ((2, 3), (6,)),
            ((2, 3), (1, 2, 3)),
            ((1, 1), ()),
            ((0, 3), (-1, 0)),
        ]:
            self.assert_refused(
                ValueError,
                [x, shape],
                output,
                values('float32', *size),
                np.array(wanted, 'int64'),
            )

    def test_images_of_another_shape(self):
        x, shape = T.matrix(), T.lvector()
        images = neibs2images(x, (2, 2), shape)
        self.assert_same(
            [x, shape], images, values('float32', 4, 4), np.array([1, 1, 4, 4])
        )
        for wanted in (4, 4), (1, 4, 4), (1, 1, 5, 4), (1, 1, 1, 4, 4):
            self.assert_refused(
                ValueError,
                [x, shape],
                images,
                values('float32', 4, 4),
                np.array(wanted),
            )

    def test_gradient(self):
        x = T.dmatrix()
        y = x.reshape((3, -1)) ** 2
        self.assert_same(
            [x], T.grad((y[0] * y[1]).sum(), x), values('float64', 2, 6)
        )


class DimensionsTest(EngineTest):
    def test_shuffled(self):
        x, row = T.tensor3(), T.row()
        self.assert_same(
            [x, row],
            [
                x.dimshuffle(order)
                for order in [
                    (2, 0, 1),
                    (0, 'x', 1, 2),
                    ('x', 2, 1, 0, 'x'),
                    (1, 0, 2),
                ]
            ]
            + [
                row.dimshuffle(1),
                row.dimshuffle(1, 'x', 0),
                x.T,
                squeeze(row),
                x.swapaxes(0, 2),
                T.shape_padleft(x, 2),
                T.shape_padright(x),
                T.shape_padaxis(x, 1),
                x.transpose(1, 2, 0),
            ],
            values('float32', 2, 3, 4),
            values('float32', 1, 5),
        )

    def test_of_numbers(self):
        x = T.scalar()
        self.assert_same(
            [x],
            [x.dimshuffle('x'), x.dimshuffle('x', 'x'), x.reshape((1, 1))],
            np.float32(3),
        )

    def test_broadcast_patterns(self):
        x = T.matrix()
        known = T.addbroadcast(x, 0)
        self.assert_same(
            [x],
            [
                known,
                T.unbroadcast(known, 0),
                known + np.ones((3, 1), 'f'),
                T.patternbroadcast(x, (True, False)),
                Rebroadcast((0, True), (1, False))(x),
            ],
            values('float32', 1, 4),
        )
        for output in known, T.patternbroadcast(x, (True, False)):
            self.assert_refused(
                ValueError, [x], output, values('float32', 2, 4)
            )

    def test_specified_shapes(self):
        x, n = T.matrix(), T.lscalar()
        y = T.specify_shape(x, (2, n))
        self.assert_same(
            [x, n], [y * 2, y.shape, y.T], values('float32', 2, 3), 3
        )
        self.assert_refused(
            AssertionError, [x, n], y, values('float32', 2, 3), 4
        )

    def test_assertions(self):
        x, n = T.vector(), T.lscalar()
        y = Assert('too small')(x, n > 2, T.all(x < 100))
        self.assert_same([x, n], y * 2, values('float32', 3), 3)
        self.assert_refused(AssertionError, [x, n], y, values('float32', 3), 2)
        self.assert_refused(
            AssertionError, [x, n], y, values('float32', 3) + 200, 3
        )

    def test_contiguous(self):
        x = T.matrix()
        self.assert_same([x], CpuContiguous()(x.T), values('float32', 2, 3))


class JoinTest(EngineTest):
    def test_axes(self):
        x, y = T.tensor3(), T.tensor3()
        compare = self.comparison(
            [x, y],
            [T.join(axis, x, y, x) for axis in (0, 1, 2, -1, -3)]
            + [T.concatenate([x, y], 1), T.concatenate([x])]
            + [T.stack([x, y], axis) for axis in (0, 1, 3, -1)],
        )
        compare(values('float32', 2, 3, 4), values('float32', 2, 3, 4))
        compare(values('float32', 0, 3, 4), values('float32', 0, 3, 4))

    def test_different_lengths(self):
        x, y, axis = T.matrix(), T.matrix(), T.lscalar()
        compare = self.comparison([x, y, axis], T.join(axis, x, y))
        compare(values('float32', 2, 3), values('float32', 5, 3), 0)
        compare(values('float32', 2, 3), values('float32', 2, 1), 1)
        compare(values('float32', 2, 0), values('float32', 2, 1), -1)

    def test_types(self):
        for a, b in itertools.combinations(TYPES, 2):
            if {a, b} & {'bool'} and 'uint64' in (a, b):
                continue
            x, y = T.tensor(a, (False,)), T.tensor(b, (False,))
            self.assert_same(
                [x, y], T.join(0, x, y), values(a, 3), values(b, 2)
            )

    def test_numbers(self):
        n, x = T.lscalar(), T.vector()
        self.assert_same(
            [n, x],
            [
                T.stack([n, n + 1]),
                T.stack([x.sum(), n]),
                T.stack([x[0], x[1], x.mean()]),
            ],
            4,
            values('float32', 3),
        )

    def test_refused(self):
        x, y, n = T.matrix(), T.matrix(), T.lscalar()
        self.assert_refused(
            ValueError,
            [x, y],
            T.join(0, x, y),
            values('float32', 2, 3),
            values('float32', 2, 4),
        )
        for axis in 2, -3:
            self.assert_refused(
                IndexError,
                [x, n],
                T.join(n, x, x),
                values('float32', 2, 3),
                axis,
            )

    def test_gradient(self):
        x, y = T.dmatrix(), T.dmatrix()
        loss = (T.join(1, x, y, x) ** 2).prod(1).sum()
        self.assert_same(
            [x, y],
            T.grad(loss, [x, y]),
            values('float64', 2, 2),
            values('float64', 2, 1),
        )

    def test_split(self):
        x, sizes = T.matrix(), T.lvector()
        first = T.split(x, sizes, 3, axis=0)
        compare = self.comparison(
            [x, sizes],
            [
                *first,
                *T.split(x, [1, 3], 2, axis=1),
                T.grad((first[1] ** 2).sum(), x),
            ],
        )
        compare(values('float32', 6, 4), np.array([1, 3, 2]))
        compare(values('float32', 6, 4), np.array([0, 6, 0]))
        for wrong in [1, 3, 3], [1, 5], [-1, 4, 3]:
            self.assert_refused(
                ValueError,
                [x, sizes],
                first,
                values('float32', 6, 4),
                np.array(wrong),
            )
        axis = T.lscalar()
        for wrong in 2, -3:
            self.assert_refused(
                ValueError,
                [x, axis],
                T.split(x, [1, 3], 2, axis),
                values('float32', 6, 4),
                wrong,
            )


class CreationTest(EngineTest):
    def test_alloc(self):
        x, row, number, n = T.vector(), T.row(), T.scalar(), T.iscalar()
        compare = self.comparison(
            [x, row, number, n],
            [
                T.alloc(x, n, 3),
                T.alloc(row, n, 3),
                T.alloc(number, n, 2),
                T.alloc(number),
                T.zeros((n, 2)),
                T.ones((2, n), 'int32'),
                T.zeros_like(row),
                T.ones_like(x),
                T.fill(row, number),
                T.alloc(np.int8(3), n),
                T.alloc(x, n, 3).sum(0),
                T.set_subtensor(T.zeros((n, 3))[0], x),
            ],
        )
        for size in 2, 1, 0:
            if size:
                compare(
                    values('float32', 3),
                    values('float32', 1, 3),
                    np.float32(2),
                    size,
                )
        self.assert_same([n], [T.zeros((n, 2)), T.alloc(np.float32(1), n)], 0)

    def test_refused(self):
        x, n = T.vector(), T.lscalar()
        self.assert_refused(
            ValueError, [x], T.alloc(x, 2, 3), values('float32', 4)
        )
        for output in (
            T.alloc(x, n, 4),
            T.alloc(x, 2, n),
            T.zeros((2, n)),
            AllocEmpty('float32')(2, n),
        ):
            self.assert_refused(
                ValueError, [x, n], output, values('float32', 4), -1
            )

    def test_patterns(self):
        n, m = T.lscalar(), T.lscalar()
        compare = self.comparison(
            [n, m],
            [
                T.eye(n),
                T.eye(n, m),
                T.eye(n, m, 1),
                T.eye(n, m, -1),
                T.tri(n, m),
                T.tri(n, m, 1),
                T.identity_like(T.zeros((n, n))),
                T.eye(n, dtype='int32'),
            ],
        )
        compare(3, 4)
        compare(4, 2)

    def test_triangles(self):
        x = T.matrix()
        self.assert_same(
            [x],
            [T.tril(x), T.triu(x, 1), T.tril(x, -1)],
            values('float32', 3, 4),
        )

    def test_ranges(self):
        start, stop, step = T.lscalars(3)
        compare = self.comparison(
            [start, stop, step],
            [
                T.arange(stop),
                T.arange(start, stop),
                T.arange(start, stop, step),
                T.arange(stop) * 2 + 1,
                T.arange(start, stop, dtype='int8'),
                T.arange(5, dtype='float32') * stop,
            ],
        )
        for numbers in [(0, 5, 1), (2, 9, 3), (5, 0, -2), (3, 3, 1)]:
            compare(*numbers)
        x = T.dscalar()
        self.assert_same([x], [T.arange(0, x, 0.3), T.arange(x)], 2.5)

    def test_diagonals(self):
        x, vector, cube = T.matrix(), T.vector(), T.tensor3()
        self.assert_same(
            [x, vector, cube],
            [
                diag(x),
                T.diagonal(x, 1),
                T.diagonal(x, -1),
                diag(vector),
                T.diagonal(cube, 1, 0, 2),
                T.nlinalg.diag(vector),
                T.basic.AllocDiag(1)(vector),
                T.nlinalg.trace(x),
            ],
            values('float32', 3, 4),
            values('float32', 3),
            values('float32', 3, 2, 4),
        )

    def test_one_hot(self):
        x = T.lvector()
        self.assert_same([x], to_one_hot(x, 4), np.array([0, 3, 1]))


class RepeatTest(EngineTest):
    def test_repeat(self):
        x, n, each = T.matrix(), T.lscalar(), T.lvector()
        compare = self.comparison(
            [x, n, each],
            [
                T.repeat(x, 2),
                T.repeat(x, n, 0),
                T.repeat(x, n, 1),
                T.repeat(x, each, 1),
                T.repeat(x, 3, -1),
                T.grad((T.repeat(x, 2, 0) ** 3).sum(), x),
            ],
        )
        compare(values('float32', 2, 3), 2, np.array([2, 0, 1]))
        compare(values('float32', 2, 3), 0, np.array([0, 0, 0]))

    def test_tile_of_another_rank(self):
        x, times = T.matrix(), T.lvector()
        output = Tile(2)(x, times)
        compare = self.comparison([x, times], output)
        for given in (2, 3), (2,), ():
            compare(values('float32', 2, 3), np.array(given, 'int64'))
        self.assert_refused(
            ValueError,
            [x, times],
            output,
            values('float32', 2, 3),
            np.array([2, 1, 3]),
        )

    def test_tile(self):
        x, n = T.matrix(), T.lscalar()
        compare = self.comparison(
            [x, n],
            [
                T.tile(x, (2, 3)),
                T.tile(x, (n, 1)),
                T.tile(x, n),
                T.tile(x, (2, 1, n), ndim=3),
            ],
        )
        compare(values('float32', 2, 3), 2)
        compare(values('float32', 0, 3), 1)

    def test_roll(self):
        x, n = T.matrix(), T.lscalar()
        compare = self.comparison(
            [x, n], [T.roll(x, 1, 0), T.roll(x, -2, 1), T.roll(x, n, 1)]
        )
        for shift in 0, 1, -1, 4:
            compare(values('float32', 3, 4), shift)

    def test_differences(self):
        x, y = T.matrix(), T.lvector()
        self.assert_same(
            [x, y],
            [
                T.extra_ops.diff(x),
                T.extra_ops.diff(x, 2, 0),
                T.extra_ops.diff(y),
                T.extra_ops.diff(y, 3),
            ],
            values('float32', 3, 4),
            values('int64', 5),
        )


class OrderTest(EngineTest):
    def test_sort(self):
        for dtype in (
            'float32',
            'float64',
            'int64',
            'int8',
            'uint8',
            'uint16',
            'uint32',
            'uint64',
        ):
            x = T.tensor(dtype, (False, False))
            compare = self.comparison(
                [x],
                [
                    T.sort(x),
                    T.sort(x, 0),
                    T.sort(x, None),
                    T.argsort(x, kind='mergesort'),
                    T.argsort(x, 0, kind='mergesort'),
                    T.argsort(x, None, kind='mergesort'),
                ],
            )
            numbers = values(dtype, 4, 5)
            if dtype.startswith('u'):
                numbers[1] = -1 % 2 ** (8 * numbers.itemsize)
            with WithoutUnsigned():
                compare(numbers)

    def test_not_a_number(self):
        x = T.vector()
        self.assert_same(
            [x],
            [T.sort(x), T.argsort(x)],
            np.float32([3, np.nan, -np.inf, 1, np.nan, np.inf]),
        )

    def test_gradient(self):
        x = T.dmatrix()
        self.assert_same(
            [x],
            T.grad((T.sort(x, 1) * T.arange(4)).sum(), x),
            values('float64', 3, 4),
        )

    def test_nonzero(self):
        for dtype in 'float32', 'int64', 'bool', 'uint8':
            x = T.tensor(dtype, (False, False))
            compare = self.comparison(
                [x],
                [
                    *x.nonzero(),
                    T.flatnonzero(x),
                    x.nonzero_values(),
                    T.nonzero(x, return_matrix=True),
                ],
            )
            compare(values(dtype, 3, 4, low=0, high=2))
            compare(np.zeros((3, 4), dtype))
            compare(np.zeros((0, 4), dtype))


class ShapeArithmeticTest(EngineTest):
    """Numbers computed from shapes, which the engine computes on the host."""

    def test_values(self):
        x, y, n = T.matrix(), T.tensor3(), T.lscalar()
        length = x.shape[0] * 2 + n
        compare = self.comparison(
            [x, y, n],
            [
                x.shape,
                y.shape[1:],
                x.size,
                y.shape[::-1],
                x.shape.prod(),
                T.max(y.shape),
                length // 2,
                T.cast(length, 'float32') / 3,
                T.switch(T.lt(length, 4), length, n),
                x.shape[n % 2],
                T.join(0, x.shape, y.shape),
                T.zeros((y.shape[0] + 1, 2)),
                x / T.cast(x.shape[0], 'float32'),
                T.arange(length),
                T.set_subtensor(y.shape[1], n),
                T.minimum(x.shape[1], n),
                T.mean(x.shape),
                x[: n % 2],
                T.eq(x.shape, y.shape[:2]),
            ],
        )
        for size in [(2, 3, 4), (1, 1, 1), (0, 2, 0)]:
            compare(values('float32', *size[:2]), values('float32', *size), 3)

    def test_no_kernel_for_shapes(self):
        # Reading one number back from a device takes longer than a step.
        x, n = T.matrix(), T.lscalar()
        rows = x.shape[0] * 2 - n
        y = T.zeros((rows, T.maximum(x.shape[1], 2)))
        f = theano.function([x, n], y, mode=torch_mode(DEVICE))
        for node in f.maker.fgraph.toposort():
            for variable in node.outputs:
                self.assertEqual(
                    f.fn.program.scope.is_host_variable(variable),
                    variable.dtype != 'float32',
                )
        self.assertEqual(f(values('float32', 3, 4), 1).shape, (5, 4))
