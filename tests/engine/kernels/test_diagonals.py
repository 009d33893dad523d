import theano
import theano.tensor as T
from theano.tensor.nnet import conv3d2d
from theano.tensor.nnet.conv3d2d import (
    diagonal_subtensor,
    inc_diagonal_subtensor,
)

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


class DiagonalsTest(EngineTest):
    def test_stripes(self):
        for rows, columns, shape in [
            (0, 1, (7, 4, 2)),
            (1, 0, (3, 5, 2)),
            (2, 0, (4, 3, 4)),
            (0, 2, (6, 2, 1)),
        ]:
            x, y = T.tensor3(), T.tensor3()
            data = values('float32', *shape)
            stripe = list(shape)
            stripe[rows] -= shape[columns] - 1
            amount = values('float32', *stripe)
            z = diagonal_subtensor(x, rows, columns)
            self.assert_same(
                [x, y],
                [
                    z,
                    inc_diagonal_subtensor(x, rows, columns, y),
                    inc_diagonal_subtensor(x * 2, rows, columns, y[:1, :1]),
                    T.grad((z**2).sum(), x),
                ],
                data,
                amount,
            )

    def test_too_few_rows(self):
        x = T.matrix()
        self.assert_refused(
            NotImplementedError,
            [x],
            diagonal_subtensor(x, 0, 1),
            values('float32', 2, 3),
        )

    def test_convolution(self):
        """The one of films, with its gradients, without Python code."""
        x, w = (T.TensorType('float64', (False,) * 5)(n) for n in 'xw')
        for mode in 'valid', 'full', 'half':
            y = conv3d2d.conv3d(x, w, border_mode=mode)
            f = theano.function(
                [x, w],
                [y, *T.grad((y**2).sum(), [x, w])],
                mode=torch_mode(DEVICE, strict=True),
            )
            film = values('float64', 2, 6, 2, 7, 8)
            filters = values('float64', 3, 3, 2, 3, 3)
            # Theano's later convolution has its axes in another order.
            z = T.nnet.conv3d(
                x.dimshuffle(0, 2, 1, 3, 4),
                w.dimshuffle(0, 2, 1, 3, 4),
                border_mode=mode,
            ).dimshuffle(0, 2, 1, 3, 4)
            g = theano.function(
                [x, w],
                [z, *T.grad((z**2).sum(), [x, w])],
                mode=torch_mode(DEVICE),
            )
            self.assert_equal(f(film, filters), g(film, filters), 1e-10)
