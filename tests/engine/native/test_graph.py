import unittest

import numpy as np
import theano.tensor as T
from theano.gof import FunctionGraph

from tests.engine.compare import torch

if torch:
    from kneerepro.engine.kernels.scalar_code import NotSupportedError
    from kneerepro.engine.native import function  # noqa: F401, registers Ops
    from kneerepro.engine.native.graph import Graph, Source
    from kneerepro.engine.program import Program


@unittest.skipUnless(torch, 'PyTorch is not installed')
class GraphTest(unittest.TestCase):
    def graph(self, inputs, outputs, arrays, examples):
        fgraph = FunctionGraph(inputs, outputs)
        program = Program(fgraph, fgraph.toposort(), torch.device('cpu'))
        source = Source()
        return source, Graph(
            source,
            program,
            [
                source.new('float32', shape)
                if isinstance(shape, tuple)
                else shape
                for shape in arrays
            ],
            examples,
        )

    def test_values_that_follow_from_shapes_are_known(self):
        x = T.matrix()
        _, graph = self.graph(
            [x], [x.shape[0] * 2, x + 1], [(3, 4)], [np.ones((3, 4), 'f')]
        )
        self.assertEqual(graph.outputs[0], 6)
        self.assertEqual(graph.outputs[1].shape, (3, 4))

    def test_a_loop_goes_through_memory_once(self):
        x = T.matrix()
        source, _ = self.graph([x], [x + x], [(3, 4)], [np.ones((3, 4), 'f')])
        loops = [line for line in source.lines if line.startswith('for')]
        self.assertEqual(len(loops), 1)
        self.assertIn('< 12;', loops[0])

    def test_what_varies_cannot_be_a_size(self):
        n = T.lscalar()
        with self.assertRaisesRegex(NotSupportedError, 'varies'):
            self.graph([n], [T.alloc(np.float32(1), n)], [()], [np.int64(3)])

    def test_constants_are_stored_once(self):
        source = Source()
        first = source.constant(np.float32([1, 2]))
        self.assertEqual(source.constant(np.float32([1, 2])), first)
        self.assertNotEqual(source.constant(np.float64([1, 2])), first)

    def test_memory_is_limited(self):
        with self.assertRaisesRegex(NotSupportedError, 'too many'):
            Source().new('float32', (10_000, 10_000))
