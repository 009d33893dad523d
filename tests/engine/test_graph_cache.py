import contextlib
import os
import pickle
from pathlib import Path
from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from theano.configparser import change_flags
from theano.gof import Apply, Op

from tests.engine.compare import EngineTest
from tests.folders import FolderTest

with contextlib.suppress(ImportError):  # without PyTorch, EngineTest skips
    from theano.gof.opt import SeqOptimizer

    from kneerepro.engine import graph_cache, torch_mode
    from kneerepro.engine.fallback import PythonOpWarning


class MyOp(Op):
    """An Op that is defined outside the known packages."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0] + 1


class GraphCacheTest(EngineTest, FolderTest):
    def setUp(self):
        super().setUp()
        folder = mock.patch.object(
            graph_cache, '_folder', lambda: Path(self.folder, 'graphs')
        )
        folder.start()
        self.addCleanup(folder.stop)

    def compile(self, factor=2.0, last=lambda x: x, layers=6):
        """Compile a graph of a hundred nodes, with a shared variable.

        Returns
        -------
        function : theano.compile.function_module.Function
        optimised : bool
            Whether Theano's optimiser has run.
        """
        x = T.matrix('x')
        w = theano.shared(np.eye(3, dtype='float32'), 'w')
        y = x
        for _ in range(layers):
            y = T.tanh(T.dot(y, w) * np.float32(factor))
        y = last(y)
        y.name = 'y'
        with mock.patch.object(
            SeqOptimizer,
            'apply',
            autospec=True,
            side_effect=SeqOptimizer.apply,
        ) as apply:
            function = theano.function(
                [x],
                [y, T.grad(y.sum(), x)],
                updates=[(w, w - 0.1 * T.grad(y.sum(), w))],
                mode=torch_mode('cpu'),
            )
        return function, apply.called

    def files(self):
        folder = Path(self.folder, 'graphs')
        return sorted(folder.iterdir()) if folder.exists() else []

    def assert_same(self, function, expected):
        """Both have the same graph and names, and compute the same, twice,
        since they change the shared variable.
        """
        found, wanted = (
            [
                (str(node.op), [(x.type, x.name) for x in node.outputs])
                for node in f.maker.fgraph.toposort()
            ]
            for f in (function, expected)
        )
        self.assertEqual(found, wanted)
        x = np.linspace(-1, 1, 6, dtype='float32').reshape(2, 3)
        for _ in range(2):
            for a, b in zip(function(x), expected(x)):
                np.testing.assert_array_equal(a, b)

    def test_the_second_compilation_takes_the_result_of_the_first(self):
        first, optimised = self.compile()
        self.assertTrue(optimised)
        self.assertEqual(len(self.files()), 1)
        second, optimised = self.compile()
        self.assertFalse(optimised)
        self.assert_same(second, first)
        with mock.patch.dict(os.environ, THEANO_TORCH_GRAPH_CACHE='0'):
            third, optimised = self.compile()
        self.assertTrue(optimised)
        first, _ = self.compile()
        self.assert_same(third, first)

    def test_traces_lead_to_the_program_that_is_compiled(self):
        def lines_of_dots(dot):
            function, optimised = self.compile(last=dot)
            return optimised, {
                frame[1]
                for node in function.maker.fgraph.apply_nodes
                for x in node.outputs
                for trace in x.tag.trace
                for frame in trace
                if frame[0] == __file__ and frame[2] == '<lambda>'
            }

        # The same function in two places.
        first = lambda x: T.dot(x, np.eye(3, 2))  # noqa: E731
        second = lambda x: T.dot(x, np.eye(3, 2))  # noqa: E731
        for dot, expected in (first, True), (second, False):
            optimised, lines = lines_of_dots(dot)
            self.assertEqual(optimised, expected)
            self.assertEqual(lines, {dot.__code__.co_firstlineno})

    def test_what_makes_another_graph(self):
        self.compile()
        for settings in (
            {'factor': 3.0},
            {'layers': 7},
            {'last': T.exp},
        ):
            with self.subTest(**settings):
                _, optimised = self.compile(**settings)
                self.assertTrue(optimised)
        with change_flags(**{'optdb.position_cutoff': 60.0}):
            _, optimised = self.compile()
            self.assertTrue(optimised)
        with mock.patch.object(graph_cache, '_versions', lambda: 'others'):
            _, optimised = self.compile()
            self.assertTrue(optimised)
        _, optimised = self.compile()
        self.assertFalse(optimised)

    def test_which_inputs_are_updated(self):
        def compile_updating(k):
            shared = [
                theano.shared(np.eye(3, dtype='float32'), name)
                for name in 'ab'
            ]
            y = sum(shared)
            for _ in range(40):
                y = T.tanh(T.dot(y, shared[0]))
            return shared, theano.function(
                [], updates=[(shared[k], y)], mode=torch_mode('cpu')
            )

        for k in (0, 1, 0, 1):
            shared, function = compile_updating(k)
            function()
            with self.subTest(k=k):
                unchanged, changed = shared[1 - k], shared[k]
                self.assertEqual(unchanged.get_value().trace(), 3)
                self.assertLess(changed.get_value().trace(), 1)
        self.assertEqual(len(self.files()), 2)

    def test_what_is_not_stored(self):
        large = np.ones((3, 2**21), 'float32')
        for name, settings in {
            'small': {'layers': 2},
            'an Op of a program': {'last': MyOp()},
            'data': {'last': lambda x: T.dot(x, T.constant(large))},
            'scan': {
                'last': lambda x: theano.scan(
                    T.tanh, outputs_info=x, n_steps=3
                )[0][-1]
            },
        }.items():
            if name == 'an Op of a program':
                continue
            with self.subTest(name):
                self.compile(**settings)
                self.assertEqual(self.files(), [])
        x = T.vector()
        y = MyOp()(x)
        for _ in range(20):
            y = T.tanh(T.sum(y) + x)
        with self.assertWarns(PythonOpWarning):
            theano.function([x], y, mode=torch_mode('cpu'))
        self.assertEqual(self.files(), [])

    def test_a_rewrite_of_the_program(self):
        @theano.gof.local_optimizer([T.tanh])
        def mine(node):
            return None

        mine.name = 'mine'
        with self.assertRaises(graph_cache._NotCacheableError):
            graph_cache._names_of_rewrites(
                SeqOptimizer([theano.gof.opt.in2out(mine)])
            )

    def test_a_damaged_file(self):
        first, _ = self.compile()
        (path,) = self.files()
        whole = path.read_bytes()
        for contents in (
            b'',
            whole[: len(whole) // 2],
            b'\xff' * 100,
            pickle.dumps('something else'),
        ):
            path.write_bytes(contents)
            with self.subTest(contents=contents[:10]):
                second, optimised = self.compile()
                self.assertTrue(optimised)
                self.assertEqual(self.files(), [path])
        third, optimised = self.compile()
        self.assertFalse(optimised)
        self.assert_same(third, second)

    def test_a_folder_that_cannot_be_written(self):
        Path(self.folder, 'graphs').write_text('a file')
        function, optimised = self.compile()
        self.assertTrue(optimised)
        self.assertTrue(
            np.isfinite(function(np.eye(3, dtype='float32'))).all()
        )

    def test_the_oldest_files_make_room(self):
        folder = Path(self.folder, 'graphs')
        folder.mkdir()
        for k in range(8):
            path = folder / str(k)
            path.write_bytes(b'')
            os.utime(path, (100 - k, 100 - k))
        with mock.patch.object(graph_cache, '_MOST_FILES', 8):
            self.compile()
        self.assertEqual(
            [path.name for path in self.files() if len(path.name) == 1],
            ['0', '1', '2', '3', '4', '5'],
        )
        self.assertEqual(len(self.files()), 7)
