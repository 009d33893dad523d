import itertools

import numpy as np
import theano
import theano.tensor as T

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


class TopKTest(EngineTest):
    def top_k(self, data, k, axis, dtype='float32', index_dtype='int64'):
        """The values, sorted, after a check of their indices."""
        x, n = T.TensorType(dtype, (False,) * data.ndim)(), T.iscalar()
        found, places = T.topk_and_argtopk(
            x, n, axis, sorted=False, idx_dtype=index_dtype
        )
        f = theano.function(
            [x, n],
            [
                found,
                places,
                T.topk(x, n, axis, sorted=False),
                T.argtopk(x, n, axis, sorted=False),
            ],
            mode=torch_mode(DEVICE, strict=True),
        )
        found, places, alone, places_alone = f(data, k)
        self.assertEqual(
            (found.dtype, places.dtype), (np.dtype(dtype), index_dtype)
        )
        for place in places, places_alone:
            np.testing.assert_array_equal(
                np.sort(np.take_along_axis(data, place, axis), axis),
                np.sort(found, axis),
            )
        np.testing.assert_array_equal(
            np.sort(alone, axis), np.sort(found, axis)
        )
        return np.sort(found, axis)

    def test_values(self):
        for shape, dtype in itertools.product(
            [(7,), (3, 7), (4, 2, 5)],
            ['float32', 'float64', 'int8', 'int64', 'uint8', 'uint16'],
        ):
            data = np.random.RandomState(1).permutation(np.prod(shape))
            data = data.reshape(shape).astype(dtype)
            for axis in range(-1, len(shape)):
                size = shape[axis]
                for k in {1, 2, size, -1, -2, -size} - {0}:
                    if abs(k) > size:
                        continue
                    ordered = np.sort(data, axis)
                    places = range(size)[-k:] if k > 0 else range(size)[:-k]
                    np.testing.assert_array_equal(
                        self.top_k(data, k, axis, dtype),
                        np.take(ordered, list(places), axis),
                        (shape, dtype, axis, k),
                    )

    def test_index_type(self):
        self.top_k(values('float32', 9), 3, 0, index_dtype='int16')

    def test_gradient(self):
        x = T.matrix()
        y = T.topk(x, 2, axis=0, sorted=False)
        f = theano.function(
            [x], T.grad((y**2).sum(), x), mode=torch_mode(DEVICE)
        )
        data = np.float32([[1, 9], [5, 2], [3, 4]])
        np.testing.assert_array_equal(f(data), [[0, 18], [10, 0], [6, 8]])

    def test_numbers_out_of_range(self):
        x, k = T.matrix(), T.iscalar()
        f = theano.function(
            [x, k], T.topk(x, k, sorted=False), mode=torch_mode(DEVICE)
        )
        for number in 0, 4, -4:
            with self.assertRaisesRegex(ValueError, 'from 1 to 3'):
                f(values('float32', 2, 3), number)
