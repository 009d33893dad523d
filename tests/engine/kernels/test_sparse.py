import numpy as np
import scipy.sparse
import theano
import theano.tensor as T
from theano import sparse

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    torch,
    torch_mode,
    values,
)

if torch:
    from kneerepro.engine.kernels.sparse import multiplied_by_pytorch, product


def matrix(format='csr', rows=6, columns=5, dtype='float64'):
    return scipy.sparse.random(
        rows, columns, 0.4, format, dtype, random_state=1
    )


class SparseTest(EngineTest):
    def assert_products(self, inputs, outputs, *arguments):
        """The same results as Theano's, without its Python code."""
        f = theano.function(
            inputs, outputs, mode=torch_mode(DEVICE, strict=True)
        )
        with np.errstate(all='ignore'):
            expected = theano.function(inputs, outputs, mode=REFERENCE)(
                *arguments
            )
        self.assert_equal(f(*arguments), expected)

    def test_products(self):
        for format in 'csr', 'csc':
            x = sparse.matrix(format, dtype='float64')
            y, v, u = T.dmatrix(), T.dvector(), T.dvector()
            self.assert_products(
                [x, y, v, u],
                [
                    sparse.dot(x, y),
                    sparse.dot(y.T, x.T),
                    sparse.basic.Dot()(x, v),
                    sparse.basic.Dot()(u, x),
                    sparse.structured_dot(x, y),
                    sparse.basic.usmm(
                        T.constant(0.5), x, y, T.dot(y.T, y)[:1]
                    ),
                ],
                matrix(format),
                values('float64', 5, 3),
                values('float64', 5),
                values('float64', 6),
            )

    def test_gradients(self):
        for format in 'csr', 'csc':
            data, w = T.dvector(), T.dmatrix()
            stored = matrix(format)
            build = sparse.CSR if format == 'csr' else sparse.CSC
            x = build(data, stored.indices, stored.indptr, stored.shape)
            y = sparse.structured_dot(x, w)
            self.assert_products(
                [data, w],
                [
                    *T.grad((y**2).sum(), [data, w]),
                    T.grad((sparse.dot(x, w) ** 2).sum(), w),
                ],
                stored.data,
                values('float64', 5, 3),
            )

    def test_types(self):
        x, y = sparse.csr_matrix(dtype='float32'), T.dmatrix()
        self.assert_products(
            [x, y],
            [sparse.dot(x, y), sparse.dot(y.T, x.T)],
            matrix(dtype='float32'),
            values('float64', 5, 3),
        )

    def test_two_sparse_factors(self):
        x, y = (
            sparse.csr_matrix('x', 'float64'),
            sparse.csc_matrix('y', 'float64'),
        )
        self.assert_products(
            [x, y],
            [
                sparse.dense_from_sparse(sparse.structured_dot(x, y)),
                sparse.basic.Dot()(x, y),
            ],
            matrix(),
            matrix('csc', 5, 4),
        )

    def test_sums(self):
        x = sparse.csr_matrix(dtype='float64')
        self.assert_products(
            [x],
            [sparse.sp_sum(x, 0), sparse.dense_from_sparse(x + x)],
            matrix(),
        )

    def test_shapes_that_do_not_fit(self):
        for x, y in (matrix(), torch.ones(4, 2)), (torch.ones(2, 4), matrix()):
            with self.assertRaisesRegex(ValueError, 'do not fit'):
                product(x, y, torch.float64)

    def test_on_the_device_of_the_dense_factor(self):
        for format in 'csr', 'csc':
            x, y = matrix(format), values('float64', 5, 3)
            for dense in y, y[:, 0]:
                found = multiplied_by_pytorch(
                    x, torch.tensor(dense, device=DEVICE), torch.float64
                )
                np.testing.assert_allclose(found.cpu(), x @ dense, 1e-12)
