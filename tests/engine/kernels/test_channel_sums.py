from unittest import mock

import numpy as np

from tests.engine.compare import EngineTest, torch, values
from tests.engine.kernels.test_loops import channels_last

if torch:
    from kneerepro.engine import threads
    from kneerepro.engine.kernels import channel_sums

SHAPES = (
    (2, 3),
    (300, 40),
    (4, 3, 5),
    (2, 3, 4, 5),
    (70, 5, 6, 7),
    (1, 1, 200, 200),
    (2, 3, 4, 1, 5),
)


class ChannelSumsTest(EngineTest):
    def setUp(self):
        super().setUp()
        if not threads.are_available():
            self.skipTest('there is no compiler')
        patch = mock.patch.object(threads, '_FOR_THREADS', 1)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(torch.set_num_threads, torch.get_num_threads())

    def assert_sums(self, function, arrays, expected, tolerance):
        """The results are right, and the same for all numbers of threads."""
        for arrange in np.ascontiguousarray, channels_last:
            tensors = [
                None
                if x is None
                else torch.from_numpy(arrange(x) if x.ndim > 1 else x)
                for x in arrays
            ]
            results = []
            for count in 1, 2, 3:
                torch.set_num_threads(count)
                results.append([x.numpy() for x in function(*tensors)])
            for found, exact in zip(results[0], expected):
                self.assertEqual(found.dtype, arrays[0].dtype)
                np.testing.assert_allclose(found, exact, tolerance, tolerance)
            np.testing.assert_array_equal(results[1], results[0])
            np.testing.assert_array_equal(results[2], results[0])

    def assert_moments(self, x, tolerance):
        axes = (0, *range(2, x.ndim))
        exact = x.astype('longdouble')
        deviations = exact - exact.mean(axes, keepdims=True)
        self.assert_sums(
            channel_sums.moments,
            [x],
            [exact.sum(axes), (deviations**2).sum(axes)],
            tolerance,
        )

    def test_moments(self):
        for dtype, tolerance in ('float32', 1e-6), ('float64', 1e-12):
            for shape in SHAPES:
                with self.subTest(dtype=dtype, shape=shape):
                    self.assert_moments(values(dtype, *shape), tolerance)

    def test_moments_far_from_zero(self):
        for dtype, offset, tolerance in (
            ('float32', 1e4, 1e-6),
            ('float64', 1e8, 1e-10),
        ):
            x = values(dtype, 16, 3, 20, 20) + np.asarray(offset, dtype)
            self.assert_moments(x, tolerance)

    def test_product_sums(self):
        for dtype, tolerance in ('float32', 1e-5), ('float64', 1e-11):
            for shape in SHAPES:
                g, x = values(dtype, *shape), values(dtype, *shape)
                axes = (0, *range(2, x.ndim))
                for offset in None, values(dtype, shape[1]):
                    exact = x.astype('longdouble')
                    if offset is not None:
                        exact -= offset.reshape(-1, *[1] * (x.ndim - 2))
                    with self.subTest(dtype=dtype, shape=shape):
                        self.assert_sums(
                            channel_sums.product_sums,
                            [g, x, offset],
                            [g.sum(axes, 'float64'), (g * exact).sum(axes)],
                            tolerance,
                        )

    def test_numbers_that_are_not_finite(self):
        x = torch.ones(4, 3, 5)
        x[1, 1, 2], x[2, 2, 2] = np.nan, np.inf
        sums, deviations = channel_sums.moments(x)
        np.testing.assert_array_equal(sums, [20, np.nan, np.inf])
        np.testing.assert_array_equal(deviations, [0, np.nan, np.nan])
        for number in np.inf, -np.inf, 1.5e308:
            x = torch.zeros(2, 1, 3, dtype=torch.float64)
            x[0, 0, 0] = number
            self.assertEqual(float(channel_sums.moments(x)[0]), number)
        x[1, 0, 0] = -number
        self.assertEqual(float(channel_sums.moments(x)[0]), 0)

    def test_what_is_left_to_pytorch(self):
        x = torch.ones(2, 3, 4, 5)
        for other in x.half(), x[0, 0, 0], x.to('meta'), x[:0]:
            self.assertIsNone(channel_sums.moments(other))

    def test_other_orders_in_memory(self):
        g, x = (
            torch.from_numpy(values('float64', 4, 6, 5, 7)) for _ in range(2)
        )
        expected = channel_sums.product_sums(
            g[:, ::2].contiguous(), x[:, 1::2].contiguous(), None
        )
        last = x.contiguous(memory_format=torch.channels_last)
        for other in x, last, x.transpose(2, 3).contiguous().transpose(2, 3):
            found = channel_sums.product_sums(g[:, ::2], other[:, 1::2], None)
            for a, b in zip(found, expected):
                np.testing.assert_allclose(a, b, 1e-12)
        a, b = g[:, :3, 0, 0].t(), x[:, :3, 0, 0].t()
        found = channel_sums.product_sums(a, b, None)
        np.testing.assert_allclose(found[1], (a * b).sum(0), 1e-12)
