import gc
from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from theano.scalar import Composite

from tests.engine.compare import (
    DEVICE,
    FLOATS,
    EngineTest,
    torch,
    torch_mode,
    values,
)
from tests.engine.fused.helpers import count_ops

if torch:
    from kneerepro.engine import threads
    from kneerepro.engine.kernels import loops


def channels_last(x):
    """The same array with the channels last in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


class LoopTestCase(EngineTest):
    """Has loops compiled anew, for tensors of any size and with threads."""

    def setUp(self):
        super().setUp()
        if DEVICE != 'cpu' or not threads.are_available():
            self.skipTest('loops need a compiler and the CPU')
        self.set_smallest(1)
        for patch in (
            mock.patch.dict(loops._LOOPS, clear=True),
            mock.patch.object(threads, '_FOR_THREADS', 1),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        number = torch.get_num_threads()
        self.addCleanup(torch.set_num_threads, number)

    def set_smallest(self, size):
        patch = mock.patch.object(loops, 'MIN_ELEMENTS', size)
        patch.start()
        self.addCleanup(patch.stop)

    def modes(self):
        return super().modes()[:1]


class LoopTest(LoopTestCase):
    def assert_loops(self, expected, inputs, outputs):
        """The function has this number of loops of several operations."""
        function = theano.function(inputs, outputs, mode=self.modes()[0])
        self.assertEqual(count_ops(function, Composite), expected)

    def compare_all(self, compare, *arrays):
        """Compare for several numbers of threads and orders in memory."""
        for threads_ in 1, 2, 3:
            torch.set_num_threads(threads_)
            compare(*arrays)
        compare(*(channels_last(x) if x.ndim > 2 else x for x in arrays))
        # In several orders at once, which PyTorch has to do.
        compare(channels_last(arrays[0]), *arrays[1:])
        compare(*(x[..., ::-1] if x.ndim > 2 else x for x in arrays))

    def test_tensors_vectors_and_numbers(self):
        for dtype in FLOATS:
            x, y = (T.tensor(dtype, (False,) * 4) for _ in range(2))
            v, w = (T.tensor(dtype, (False,)) for _ in range(2))
            c = T.scalar(dtype=dtype)
            a, b = (z.dimshuffle('x', 0, 'x', 'x') for z in (v, w))
            outputs = [
                (x - a) * b + y,
                T.maximum(x * c, y),
                T.nnet.relu(x / (abs(y) + 1) * b - a, 0.1),
                T.sqrt(T.sqr(x) + T.sqr(y)) * c,
            ]
            inputs = [x, y, v, w, c]
            self.assert_loops(4, inputs, outputs)
            compare = self.comparison(inputs, outputs)
            for shape in (2, 3, 4, 5), (3, 2, 1, 1), (1, 70, 9, 1):
                self.compare_all(
                    compare,
                    values(dtype, *shape),
                    values(dtype, *shape),
                    values(dtype, shape[1]),
                    values(dtype, shape[1]),
                    values(dtype)[()],
                )

    def test_other_numbers_of_axes(self):
        for ndim in 2, 3, 5:
            x = T.tensor('float32', (False,) * ndim)
            v = T.fvector()
            along = v.dimshuffle('x', 0, *['x'] * (ndim - 2))
            outputs = [T.sqr(x - along) * along, T.sqr(x * 2) - x]
            self.assert_loops(2, [x, v], outputs)
            shape = (4, 600, 2, 3, 2)[:ndim]
            compare = self.comparison([x, v], outputs)
            compare(values('float32', *shape), values('float32', 600))
            compare(values('float32', 0, *shape[1:]), values('float32', 600))

    def test_all_sizes_of_the_parts(self):
        x, y, v = T.fmatrix(), T.fmatrix(), T.fvector()
        compare = self.comparison(
            [x, y, v], [(x - v) * y, T.sqr(x) - y], tolerance=1e-6
        )
        for rows in 1, 2, 3, 13, 64, 65, 130:
            for columns in 1, 2, 7, 64, 511, 512, 513:
                compare(
                    values('float32', rows, columns),
                    values('float32', rows, columns),
                    values('float32', columns),
                )

    def test_special_numbers(self):
        numbers = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-42, 3e38]
        pairs = np.float32(np.meshgrid(numbers, numbers))
        x, y = T.fmatrices(2)
        outputs = [
            T.sqrt(abs(x * y)),
            (x - y) / (x * y),
            # Of 0 and -0, either may be the larger one.
            T.maximum(x, y) * 2 + y,
            T.minimum(x, y) - x,
        ]
        functions = self.compiled([x, y], outputs)
        with np.errstate(all='ignore'):
            expected, found = (function(*pairs) for function in functions)
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a, b, 1e-6, 0)
        for a, b in zip(found[:2], expected[:2]):
            numbers = ~np.isnan(b)
            np.testing.assert_array_equal(
                np.signbit(a[numbers]), np.signbit(b[numbers])
            )

    def test_results_may_overwrite_inputs(self):
        # Each step writes into the memory of what it was computed from.
        x = T.ftensor4()
        vector = T.fvector()
        along = vector.dimshuffle('x', 0, 'x', 'x')
        y = x
        for _ in range(4):
            y = T.sin(T.sqr(y - along) * 0.1 + along)
        self.assert_loops(4, [x, vector], [y])
        compare = self.comparison([x, vector], [y])
        self.compare_all(
            compare, values('float32', 5, 3, 7, 4), values('float32', 3)
        )

    def test_what_is_no_loop(self):
        x, y, column = T.fmatrix(), T.dmatrix(), T.fcol()
        number = T.fscalar()
        for name, inputs, output in [
            ('sines', [x], T.sin(x * 2) + x),
            ('several types', [x, y], (x + y) * y),
            ('rows', [x, column], (x - column) * x),
            ('numbers', [number], T.sqr(number * 2) - number),
        ]:
            with self.subTest(name):
                self.assert_loops(0, inputs, [output])

    def test_small_tensors_are_not_compiled_for(self):
        self.set_smallest(100)
        x = T.fmatrix()
        function = theano.function(
            [x], T.sqr(x * 1.5) - x, mode=self.modes()[0]
        )
        with mock.patch.object(loops, '_compile') as compile_loops:
            function(np.ones((9, 11), 'float32'))
            self.assertFalse(compile_loops.called)
        function(np.ones((10, 10), 'float32'))
        self.assertEqual(len(loops._LOOPS), 1)
        # The same code serves another function.
        again = theano.function([x], T.sqr(x * 1.5) - x, mode=self.modes()[0])
        again(np.ones((10, 10), 'float32'))
        self.assertEqual(len(loops._LOOPS), 1)

    def test_vectors(self):
        v, w, c = T.fvector(), T.fvector(), T.fscalar()
        outputs = [(v - w) * c + w, T.sqr(v.dimshuffle('x', 0, 'x') * c) - 1]
        self.assert_loops(2, [v, w, c], outputs)
        compare = self.comparison([v, w, c], outputs)
        for size in 1, 7, 300, 70_000:
            compare(
                values('float32', size),
                values('float32', 2 * size)[::2],
                np.float32(3),
            )

    def test_gaps_in_memory(self):
        x, y, c = T.fmatrices('xyc')
        zeros = T.zeros_like(x)
        outputs = [
            T.sqr(x[:, 2:5] - 1) * y[:, :3],
            (zeros + c[0, 0] - x) * x + y,
            x[:, :3] * c[0, 0] + y[:, 1:4],
        ]
        compare = self.comparison([x, y, c], outputs)
        compare(*(values('float32', 4, 6) for _ in range(3)))

    def test_memory_for_results(self):
        x, y = T.fmatrices('xy')
        difference = T.tanh(x) - y
        function = theano.function(
            [x, y], [difference, T.sqr(difference)], mode=self.modes()[0]
        )
        (node,) = function.maker.fgraph.toposort()
        loop = loops.loop(node, None)
        a = torch.from_numpy(values('float32', 40, 70))
        wide = torch.from_numpy(values('float32', 40, 72))
        for b in wide[:, :70].contiguous(), wide[:, :70]:
            expected = loop(a, b)
            memory = torch.empty(40, 70)
            found = loop(a, b, out=(None, memory))
            self.assertIs(found[1], memory)
            for value, same in zip(found, expected):
                self.assertTrue(torch.equal(value, same))
            # Where it does not fit, it stays as it is.
            for other in torch.zeros(41, 70), torch.zeros(70, 40).T:
                found = loop(a, b, out=(other, None))
                self.assertIsNot(found[0], other)
                self.assertTrue(torch.equal(found[0], expected[0]))
                self.assertFalse(other.any())

    def test_many_loops_serve_small_tensors(self):
        self.set_smallest(10**6)
        vectors = T.fvectors(3)
        outputs = [
            T.sqr(a * i) - b + i
            for i in range(2, 6)
            for a in vectors
            for b in vectors
            if a is not b
        ]
        compare = self.comparison(vectors, outputs, tolerance=1e-6)
        compare(*(values('float32', 9) for _ in vectors))
        self.assertTrue(loops._LOOPS)

    def test_size_alone_decides(self):
        # A program that is stopped and goes on takes the same loops.
        self.set_smallest(100)
        x = T.fmatrix()
        function = theano.function(
            [x], T.sqr(x * 1.25) - x, mode=self.modes()[0]
        )
        for size in 5, 10, 5, 10:
            with mock.patch.object(
                loops.torch, 'empty_strided', wraps=torch.empty_strided
            ) as compiled:
                function(np.ones((size, size), 'float32'))
            self.assertEqual(compiled.called, size == 10)

    def test_loops_of_a_graph_are_compiled_together(self):
        x = T.fmatrix()
        function = theano.function(
            [x],
            [T.sqr(x * 2) - x, T.sqr(x - 2) * x],
            mode=self.modes()[0],
        )
        with mock.patch.object(
            loops, 'load_threaded', wraps=loops.load_threaded
        ) as load:
            function(np.ones((4, 4), 'float32'))
        self.assertEqual(load.call_count, 1)
        self.assertIn('loop1', load.call_args[0][0])
        graphs = len(loops._OF_GRAPH)
        del function
        gc.collect()
        self.assertLess(len(loops._OF_GRAPH), graphs)

    def test_many_loops_are_compiled_by_several_compilers(self):
        self.addCleanup(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(3)
        inputs = T.fmatrices(9)
        outputs = []
        for i, x in enumerate(inputs):
            y = x
            for _ in range(i + 1):
                y = T.sqr(y) - x
            outputs.append(y)
        with (
            mock.patch.object(loops, 'start_threaded') as start,
            mock.patch.object(
                loops, 'load_threaded', wraps=loops.load_threaded
            ) as load,
        ):
            self.comparison(inputs, outputs)(
                *(values('float32', 4, 4, low=-1, high=1) for _ in inputs)
            )
        # Nine loops are enough for two libraries, not for three.
        self.assertEqual(start.call_count, 1)
        self.assertEqual(load.call_count, 2)

    def test_code_that_does_not_compile(self):
        x = T.fmatrix()
        function = theano.function(
            [x], T.sqr(x * 1.75) - x, mode=self.modes()[0]
        )
        data = values('float32', 6, 7)
        with mock.patch.object(loops, 'load_threaded', return_value=None):
            np.testing.assert_allclose(
                function(data), (data * 1.75) ** 2 - data, 1e-5, 1e-5
            )

    def test_without_a_compiler_nothing_is_fused(self):
        x = T.fmatrix()
        with mock.patch.object(threads, 'compiler', return_value=None):
            mode = torch_mode('cpu')
        function = theano.function([x], T.sqr(x * 2) - x, mode=mode)
        self.assertEqual(count_ops(function, Composite), 0)
