"""Linear algebra, and the rarely used Ops of ``kernels/rare.py``."""

import itertools

import numpy as np
import theano.tensor as T
from theano.tensor import nlinalg, slinalg
from theano.tensor.extra_ops import bartlett

from tests.engine.compare import TYPES, EngineTest, values

# The tolerance of inverses and solutions, which amplify rounding errors.
CONDITIONED = 1e-9


def positive_definite(size=4):
    x = values('float64', size, size, low=-1, high=1)
    return x @ x.T + np.eye(size)


class DotTest(EngineTest):
    def test_dimensions(self):
        # The product sums over the last axis of one tensor and the second to
        # last of the other.
        for m, n in itertools.product(range(1, 5), range(1, 4)):
            x, y = (T.TensorType('float64', (False,) * k)() for k in (m, n))
            z = T.dot(x, y)
            self.assert_same(
                [x, y],
                [z, *T.grad(T.sum(z**2), [x, y])],
                values('float64', *(2, 3, 2, 4)[-m:]),
                values('float64', *[(4,), (4, 3), (2, 4, 3)][n - 1]),
            )

    def test_numbers(self):
        x, n = T.matrix(), T.scalar()
        self.assert_same(
            [x, n],
            [T.dot(x, n), T.dot(n, x), T.dot(n, n)],
            values('float32', 2, 3),
            np.float32(2),
        )

    def test_sizes(self):
        x, y = T.matrix(), T.matrix()
        compare = self.comparison(
            [x, y],
            [T.dot(x, y), T.dot(x, y[:, 0]), T.dot(y.T, x.T), T.dot(x[0], y)],
            # Sums of 40 products in single precision.
            tolerance=1e-4,
        )
        for a, b, c in [
            (2, 3, 4),
            (1, 1, 1),
            (3, 0, 2),
            (5, 1, 1),
            (30, 40, 20),
        ]:
            compare(values('float32', a, b), values('float32', b, c))
        x, y = T.matrix(), T.matrix()
        compare = self.comparison([x, y], T.dot(x, y))
        compare(values('float32', 0, 3), values('float32', 3, 2))
        compare(values('float32', 2, 3), values('float32', 3, 0))

    def test_types(self):
        for dtype in set(TYPES) - {'float16'}:
            with self.subTest(dtype):
                x, y = (T.tensor(dtype, (False, False)) for _ in range(2))
                self.assert_same(
                    [x, y],
                    T.dot(x, y),
                    values(dtype, 3, 4),
                    values(dtype, 4, 2),
                )

    def test_mixed_types(self):
        for a, b in [
            ('float32', 'float64'),
            ('int8', 'int32'),
            ('int64', 'float32'),
            ('bool', 'float32'),
            ('uint8', 'int8'),
        ]:
            x, y = (T.tensor(dtype, (False, False)) for dtype in (a, b))
            self.assert_same(
                [x, y], T.dot(x, y), values(a, 3, 4), values(b, 4, 2)
            )

    def test_views(self):
        x, y = T.dmatrix(), T.dmatrix()
        self.assert_same(
            [x, y],
            [
                T.dot(x.T, y),
                T.dot(x[::-1].T, y[:, ::-1]),
                T.dot(x.T, y)[1],
                T.dot(x.T * 2, y) + 1,
            ],
            values('float64', 4, 3),
            values('float64', 4, 2),
        )

    def test_sum_with_a_product(self):
        # Theano hands each of these to BLAS as one operation.
        x, y, z, a = T.dmatrix(), T.dmatrix(), T.dmatrix(), T.dscalar()
        self.assert_same(
            [x, y, z, a],
            [
                z + a * T.dot(x, y),
                2 * z - T.dot(x, y),
                z[0] + T.dot(x[0], y),
                z + T.outer(x[:, 0], y[0]),
                T.dot(T.dot(x, y), T.dot(x, y).T),
            ],
            values('float64', 3, 4),
            values('float64', 4, 2),
            values('float64', 3, 2),
            0.5,
        )

    def test_refused(self):
        for m, n in [(2, 2), (1, 1), (1, 2), (2, 1)]:
            x, y = (T.TensorType('float32', (False,) * k)() for k in (m, n))
            self.assert_refused(
                ValueError,
                [x, y],
                T.dot(x, y),
                values('float32', *(2, 3)[-m:]),
                values('float32', *(4, 5)[:n]),
            )


class ProductsTest(EngineTest):
    def test_batched(self):
        for m, n in itertools.product([2, 3], [2, 3]):
            x, y = (T.TensorType('float64', (False,) * k)() for k in (m, n))
            z = T.batched_dot(x, y)
            compare = self.comparison(
                [x, y], [z, *T.grad(T.sum(z**2), [x, y])]
            )
            for batch in 3, 1:
                compare(
                    values(
                        'float64', *(batch, 2, 4) if m == 3 else (batch, 4)
                    ),
                    values(
                        'float64', *(batch, 4, 5) if n == 3 else (batch, 4)
                    ),
                )

    def test_batches_that_differ(self):
        x, y = T.tensor3(), T.tensor3()
        # Theano's C code raises ValueError, its Python code TypeError.
        for function in self.compiled([x, y], T.batched_dot(x, y))[1:]:
            with self.assertRaisesRegex(ValueError, 'batch sizes unequal'):
                function(
                    values('float32', 2, 3, 4), values('float32', 3, 4, 5)
                )

    def test_along_chosen_axes(self):
        x, y = T.dtensor3(), T.dtensor3()
        outputs = [
            T.tensordot(x, y, axes)
            for axes in [0, [[0], [0]], [[0, 2], [0, 2]], [[2, 0], [2, 0]]]
        ]
        outputs.append(T.batched_tensordot(x, y, [[2], [2]]))
        self.assert_same(
            [x, y],
            outputs + T.grad(T.sum(outputs[1] ** 2), [x, y]),
            values('float64', 2, 3, 4),
            values('float64', 2, 5, 4),
        )

    def test_outer(self):
        x, y, z = T.dvector(), T.dvector(), T.dmatrix()
        self.assert_same(
            [x, y, z],
            [
                T.outer(x, y),
                T.outer(x, z),
                slinalg.kron(z, z),
                nlinalg.matrix_dot(z, z.T, z),
                nlinalg.matrix_power(T.dot(z, z.T), 3),
            ],
            values('float64', 3),
            values('float64', 2),
            values('float64', 2, 4),
        )


class DecompositionTest(EngineTest):
    def test_inverse_and_determinant(self):
        for dtype, tolerance in ('float64', CONDITIONED), ('float32', 1e-3):
            x = T.tensor(dtype, (False, False))
            inverse, det = nlinalg.matrix_inverse(x), nlinalg.det(x)
            self.assert_same(
                [x],
                [
                    inverse,
                    det,
                    T.grad(inverse.sum() + det, x),
                    nlinalg.trace(x),
                ],
                positive_definite().astype(dtype),
                tolerance=tolerance,
            )

    def test_singular(self):
        x = T.dmatrix()
        self.assert_refused(
            np.linalg.LinAlgError,
            [x],
            nlinalg.matrix_inverse(x),
            np.zeros((2, 2)),
        )

    def test_solutions(self):
        x, y, b = T.dmatrix(), T.dmatrix(), T.dvector()
        outputs = [
            slinalg.solve(x, y),
            slinalg.solve(x, b),
            slinalg.solve_lower_triangular(x, y),
            slinalg.solve_upper_triangular(x, b),
        ]
        self.assert_same(
            [x, y, b],
            outputs + T.grad(outputs[0].sum(), [x, y]),
            positive_definite(),
            values('float64', 4, 2),
            values('float64', 4),
            tolerance=CONDITIONED,
        )

    def test_cholesky(self):
        x = T.dmatrix()
        lower = slinalg.cholesky(x)
        self.assert_same(
            [x],
            [lower, T.grad(lower.sum(), x)],
            positive_definite(),
            tolerance=CONDITIONED,
        )

    def test_eigenvalues(self):
        x = T.dmatrix()
        self.assert_same(
            [x],
            [
                *nlinalg.eigh(x),
                slinalg.eigvalsh(x, T.eye(4)),
                nlinalg.svd(x)[1],
                abs(nlinalg.qr(x)[1]),
                nlinalg.pinv(x),
                slinalg.expm(x),
            ],
            positive_definite(),
            tolerance=CONDITIONED,
        )

    def test_norms(self):
        x = T.dmatrix()
        self.assert_same(
            [x],
            [x.norm(2), x.norm(1), x.norm(2, axis=0), x.norm(3, axis=1)],
            values('float64', 3, 4),
        )

    def test_window(self):
        n = T.lscalar()
        self.assert_same([n], bartlett(n), 5)
