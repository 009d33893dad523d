import itertools

import numpy as np
import theano
import theano.tensor as T
from theano.tensor.signal.pool import (
    Pool,
    max_pool_2d_same_size,
    pool_2d,
    pool_3d,
)

from tests.engine.compare import FLOATS, EngineTest, values

MODES = ['max', 'sum', 'average_inc_pad', 'average_exc_pad']
# Windows, strides and padding.
CASES = [
    ((2, 2), (2, 2), (0, 0)),
    ((3, 2), (2, 3), (0, 0)),
    ((2, 3), (1, 1), (0, 0)),
    ((3, 3), (2, 2), (1, 1)),
    ((2, 3), (3, 1), (1, 2)),
    ((1, 1), (1, 1), (0, 0)),
    ((2, 2), (3, 3), (0, 0)),
    ((2, 2, 2), (2, 2, 2), (0, 0, 0)),
    ((2, 1, 3), (1, 2, 2), (0, 0, 0)),
    ((3, 3, 2), (2, 2, 1), (1, 1, 1)),
]


def pooling(image, ws, ignore_border, stride=None, pad=None, mode='max'):
    """The pooled image and its Jacobian, in NumPy.

    Theano's own Python code for pooling does not run on NumPy 1.23.
    """
    n = image.ndim
    stride, pad = stride or ws, pad or (0,) * n
    shape = Pool.out_shape(image.shape, ws, ignore_border, stride, pad, n)
    pooled, rows = np.zeros(shape), []
    for place in np.ndindex(*shape):
        starts = np.multiply(place, stride) - pad
        ends = np.minimum(starts + ws, np.add(image.shape, pad))
        inside = tuple(
            slice(max(start, 0), min(end, size))
            for start, end, size in zip(starts, ends, image.shape)
        )
        window, row = image[inside], np.zeros(image.shape)
        if mode == 'max':
            # Where several elements are the maximum, all get the gradient.
            row[inside] = window == window.max()
            pooled[place] = window.max()
        else:
            divisor = {
                'sum': 1,
                'average_exc_pad': window.size,
                'average_inc_pad': np.prod(ends - starts),
            }[mode]
            row[inside] = 1 / divisor
            pooled[place] = np.sum(row * image)
        rows.append(row.ravel())
    return pooled, np.array(rows)


class PoolTest(EngineTest):
    def compile(self, n, order, **kwargs):
        """A function that returns the first `order` of these: the pooled
        image y, the gradient g of sum(y ** 3), the gradient of sum(g ** 2),
        and the directional derivative of y."""
        x, direction = (
            T.TensorType('float64', (False,) * (n + 1))() for _ in range(2)
        )
        y = (pool_2d if n == 2 else pool_3d)(x, **kwargs)
        grad_x = T.grad(T.sum(y**3), x)
        outputs = [
            y,
            grad_x,
            T.grad(T.sum(grad_x**2), x),
            T.Rop(y, x, direction),
        ][:order]
        # The optimised graph has the same Ops.
        return theano.function(
            [x, direction],
            outputs,
            mode=self.modes()[1],
            on_unused_input='ignore',
        )

    def check(self, images, order=4, **kwargs):
        """Compare with NumPy, for images with one batch axis."""
        directions = values('float64', *images.shape)
        found = self.compile(images.ndim - 1, order, **kwargs)(
            images, directions
        )
        for i, image in enumerate(images):
            y, matrix = pooling(image, **kwargs)
            flat = y.ravel()
            grad_x = matrix.T @ (3 * flat**2)
            second = matrix.T @ (6 * flat * (matrix @ (2 * grad_x)))
            expected = [
                y,
                grad_x.reshape(image.shape),
                second.reshape(image.shape),
                (matrix @ directions[i].ravel()).reshape(y.shape),
            ]
            self.assert_equal([batch[i] for batch in found], expected[:order])

    def test_all_cases(self):
        for (ws, stride, pad), whole, mode in itertools.product(
            CASES, [True, False], MODES
        ):
            if any(pad) and not whole:
                # Theano only pads if borders are ignored.
                continue
            with self.subTest(
                ws=ws, stride=stride, pad=pad, whole=whole, mode=mode
            ):
                self.check(
                    values('float64', 2, *(5, 6, 4)[: len(ws)]),
                    # Theano has no directional derivative with padding.
                    order=3 if any(pad) else 4,
                    ws=ws,
                    stride=stride,
                    pad=pad,
                    mode=mode,
                    ignore_border=whole,
                )

    def test_ties(self):
        for data in (
            np.ones((1, 4, 5)),
            np.zeros((1, 4, 5)),
            np.float64(values('int64', 2, 4, 5, low=-1, high=2)),
        ):
            self.check(
                data, order=3, ws=(2, 3), stride=(1, 2), ignore_border=False
            )

    def test_negative_numbers_beside_padding(self):
        self.check(
            values('float64', 2, 4, 5, low=-5, high=-1),
            order=3,
            ws=(2, 2),
            stride=(2, 2),
            ignore_border=True,
            pad=(1, 1),
        )

    def test_types(self):
        for dtype in FLOATS + ['float16', 'int32', 'int64', 'uint8']:
            x, data = T.tensor3(dtype=dtype), values(dtype, 2, 4, 6)
            for mode in MODES if 'float' in dtype else MODES[:1]:
                y = pool_2d(x, (2, 3), ignore_border=True, mode=mode)
                found = theano.function([x], y, mode=self.modes()[0])(data)
                expected = np.array(
                    [
                        pooling(image, (2, 3), True, mode=mode)[0]
                        for image in data.astype('float64')
                    ]
                )
                self.assert_equal(
                    [found],
                    [expected.astype(dtype)],
                    # Sums of six numbers in half precision.
                    1e-2 if dtype == 'float16' else None,
                )

    def test_symbolic_windows(self):
        x, size = T.dmatrix(), T.lvector()
        f = theano.function(
            [x, size], Pool(ignore_border=True)(x, size), mode=self.modes()[0]
        )
        data = values('float64', 6, 6)
        for n in 1, 2, 3:
            self.assert_equal(
                [f(data, np.array([n, 2]))], pooling(data, (n, 2), True)[:1]
            )

    def test_windows_of_another_rank(self):
        # Theano's C code raises ValueError, its Python code AssertionError.
        x, size, pad = T.dmatrix(), T.lvector(), T.lvector()
        two = np.array([2, 2])
        for mode in MODES:
            y = Pool(ignore_border=True, mode=mode)(x, size, size, pad)
            f = theano.function(
                [x, size, pad], [y, T.grad(y.sum(), x)], mode=self.modes()[1]
            )
            for arguments, name in [
                ((two[:1], two), 'ws'),
                ((np.array([2, 2, 2]), two), 'ws'),
                ((two, two[:1]), 'pad'),
            ]:
                with self.assertRaisesRegex(
                    ValueError, f'{name} must be a vector of size 2'
                ):
                    f(values('float64', 6, 6), *arguments)

    def test_of_the_same_size(self):
        x, data = T.dmatrix(), values('float64', 4, 6)
        y = max_pool_2d_same_size(x.dimshuffle('x', 'x', 0, 1), (2, 2))
        found = theano.function([x], y[0, 0], mode=self.modes()[0])(data)
        # All but the largest element of each window become 0.
        kept = pooling(data, (2, 2), True)[1].any(0).reshape(data.shape)
        self.assert_equal([found], [data * kept])

    def test_no_images(self):
        found = self.compile(2, 2, ws=(2, 2), ignore_border=True)(
            np.zeros((0, 4, 4)), np.zeros((0, 4, 4))
        )
        self.assertEqual(
            [array.shape for array in found], [(0, 2, 2), (0, 4, 4)]
        )
