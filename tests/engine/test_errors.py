import contextlib
import io

import numpy as np
import theano
import theano.tensor as T
from theano.tensor import nlinalg
from theano.tensor.nnet import conv2d

from tests.engine.compare import EngineTest, torch, values

if torch:
    from kneerepro.engine.errors import as_theano_raises


class TypeTest(EngineTest):
    def translated(self, function, *arguments):
        """The type that the error of a call becomes."""
        with self.assertRaises((RuntimeError, IndexError)) as caught:
            function(*arguments)
        error, traceback = caught.exception, object()
        found = as_theano_raises((type(error), error, traceback))
        self.assertIs(type(found[1]), found[0])
        self.assertEqual(str(found[1]), str(error))
        self.assertIs(found[2], traceback)
        return found[0]

    def test_sizes(self):
        a, b, c = torch.ones(2, 3), torch.ones(4, 5), torch.ones(2)
        images, filters = torch.ones(1, 2, 5, 5), torch.ones(3, 4, 3, 3)
        for function, arguments in [
            (torch.add, (a, b)),
            (torch.matmul, (a, b)),
            (torch.bmm, (a[None], b[None])),
            (torch.mv, (a, c)),
            (torch.cat, ([a, b],)),
            (torch.reshape, (a, (4, 2))),
            (torch.reshape, (a, (-2, 3))),
            (torch.empty, (-1,)),
            (a.expand, (4, 3)),
            (c.copy_, (torch.ones(3),)),
            (torch.conv2d, (images, filters)),
            (torch.conv2d, (images[:, :, :2], filters[:, :2])),
            (torch.repeat_interleave, (c, torch.tensor([1, -1]))),
            (torch.repeat_interleave, (c, torch.tensor([1, 1, 1]))),
            (c.index_put_, ((torch.tensor([0, 1]),), torch.ones(3))),
        ]:
            with self.subTest(function, arguments=arguments):
                self.assertIs(
                    self.translated(function, *arguments), ValueError
                )

    def test_indices(self):
        x, five = torch.ones(2, 3), torch.tensor([[5]])
        for function, arguments in [
            (torch.gather, (x, 1, five)),
            (torch.index_select, (x, 0, five[0])),
            (torch.select, (x, 0, 5)),
            (lambda: x[five], ()),
        ]:
            with self.subTest(function):
                self.assertIs(
                    self.translated(function, *arguments), IndexError
                )

    def test_matrices(self):
        for matrix in torch.zeros(2, 2), torch.ones(2, 3):
            self.assertIs(
                self.translated(torch.linalg.inv, matrix),
                np.linalg.LinAlgError,
            )

    def test_memory(self):
        self.assertIs(
            self.translated(torch.empty, (2**40, 2**18)), MemoryError
        )

    def test_others_stay(self):
        for error in [
            RuntimeError('CUDA error: invalid argument for this size'),
            RuntimeError('cuDNN error: CUDNN_STATUS_BAD_PARAM, wrong shape'),
            RuntimeError('0 INTERNAL ASSERT FAILED, unknown shape'),
            RuntimeError('could not create a primitive'),
            NotImplementedError('no kernel for this shape'),
            torch.OutOfMemoryError('CUDA out of memory, wanted size 5'),
            KeyError('size'),
            ValueError('shape'),
        ]:
            with self.subTest(repr(error)):
                given = type(error), error, None
                self.assertIs(as_theano_raises(given), given)


class FunctionsTest(EngineTest):
    """Compiled functions raise what Theano's do."""

    def test_sizes(self):
        x, y, v, w, n = (
            T.matrix(),
            T.matrix(),
            T.vector(),
            T.vector(),
            T.lvector(),
        )
        images, filters = T.tensor4(), T.tensor4()
        a, b = T.tensor3(), T.tensor3()
        for inputs, output, shapes in [
            ([x, y], x + y, [(2, 3), (2, 4)]),
            ([x, y], T.dot(x, y), [(2, 3), (4, 3)]),
            ([x, v], T.dot(x, v), [(2, 3), (2,)]),
            ([a, b], T.batched_dot(a, b), [(2, 3, 4), (2, 5, 6)]),
            ([x, y], T.join(0, x, y), [(2, 3), (2, 4)]),
            ([v, w], T.set_subtensor(v[:2], w), [(4,), (3,)]),
            ([v, w], T.inc_subtensor(v[:2], w), [(4,), (3,)]),
            ([x, v], T.set_subtensor(x[0], v), [(4, 3), (2,)]),
            ([v, w], T.set_subtensor(v[[0, 1]], w), [(4,), (3,)]),
            ([x, v], T.inc_subtensor(x[[0, 1], [1, 0]], v), [(4, 3), (3,)]),
            (
                [images, filters],
                conv2d(images, filters),
                [(1, 2, 5, 5), (3, 4, 3, 3)],
            ),
        ]:
            with self.subTest(str(output)):
                self.assert_refused(
                    ValueError,
                    inputs,
                    output,
                    *(values('float32', *shape) for shape in shapes),
                )
        for repeats in (1, 2), (1, -1, 1):
            self.assert_refused(
                ValueError,
                [v, n],
                T.repeat(v, n),
                values('float32', 3),
                np.array(repeats),
            )

    def test_indices(self):
        # CUDA finds wrong indices in arrays itself.
        x, n = T.matrix(), T.lscalar()
        for output, index in [
            (x[n], 4),
            (x[:, n], -4),
            (T.inc_subtensor(x[n], 1), 4),
            (T.join(n, x, x), 2),
        ]:
            with self.subTest(str(output)):
                self.assert_refused(
                    IndexError, [x, n], output, values('float32', 4, 3), index
                )

    def test_matrices(self):
        x = T.dmatrix()
        for output, matrix in [
            (nlinalg.matrix_inverse(x), np.zeros((2, 2))),
            (nlinalg.matrix_inverse(x), np.ones((2, 3))),
            (nlinalg.det(x), np.ones((2, 3))),
        ]:
            with contextlib.redirect_stdout(io.StringIO()):  # Theano prints
                self.assert_refused(np.linalg.LinAlgError, [x], output, matrix)

    def test_message_names_the_node(self):
        x, y = T.matrix('x'), T.matrix('y')
        for function in self.compiled([x, y], T.set_subtensor(x[:2], y)):
            with self.assertRaisesRegex(
                ValueError, 'Apply node that caused the error'
            ):
                function(values('float32', 2, 3), values('float32', 3, 3))

    def test_message_names_the_line(self):
        x, y = T.fmatrices('xy')
        middle = T.tanh(x * y)  # the line
        function = theano.function(
            [x, y], [middle, T.sqr(middle) + x], mode=self.modes()[0]
        )
        with self.assertRaisesRegex(ValueError, '# the line'):
            function(values('float32', 3, 4), values('float32', 2, 4))
