from unittest import mock

import theano
import theano.tensor as T
from theano.tensor.nnet import conv2d, conv3d

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine.kernels import conv_winograd
    from kneerepro.engine.kernels.conv_ahead import CompileAhead


class CompileAheadTest(EngineTest):
    def started(self, *outputs):
        """What a function of these outputs starts to compile."""
        inputs = theano.gof.graph.inputs(outputs)
        fgraph = theano.gof.FunctionGraph(inputs, list(outputs), clone=True)
        with mock.patch.object(conv_winograd, 'start') as start:
            CompileAhead().optimize(fgraph)
        return {call.args for call in start.call_args_list}

    def test_convolutions_and_their_gradients(self):
        images, filters = T.ftensor4(), T.ftensor4()
        result = conv2d(
            images,
            filters,
            (None, 64, 32, 32),
            (128, 64, 5, 5),
            border_mode=2,
            subsample=(2, 2),
        )
        expected = {((5, 5), (2, 2), (0, 0), torch.float32)}
        self.assertEqual(self.started(result), expected)
        for x in images, filters:
            gradient = T.grad(result.sum(), x)
            self.assertEqual(self.started(gradient), expected)

    def test_volumes(self):
        shapes = (2, 64, 16, 16, 16), (64, 64, 3, 4, 3)
        result = conv3d(
            T.dtensor5(),
            T.dtensor5(),
            *shapes,
            border_mode=(0, 1, 0),
            subsample=(1, 2, 1),
        )
        self.assertEqual(
            self.started(result),
            {((3, 4, 3), (1, 2, 1), (0, 1, 0), torch.float64)},
        )

    def test_what_is_left_out(self):
        images, filters = T.ftensor4(), T.ftensor4()
        known = (None, 64, 32, 32), (64, 64, 3, 3)
        for shapes, options in (
            # Nobody knows the shapes.
            ((None, None), {}),
            (((None, 64, None, 32), known[1]), {}),
            ((known[0], (64, 64, None, 3)), {}),
            # PyTorch computes these.
            (((None, 1, 32, 32), (64, 1, 3, 3)), {}),
            (((None, 64, 32, 32), (64, 32, 3, 3)), {'num_groups': 2}),
            ((known[0], (64, 64, 1, 1)), {}),
            (known, {'border_mode': ((0, 1), (0, 0))}),
        ):
            with self.subTest(shapes, **options):
                result = conv2d(images, filters, *shapes, **options)
                self.assertEqual(self.started(result), set())
        self.assertNotEqual(
            self.started(conv2d(images, filters, *known)), set()
        )
        integers = conv2d(T.TensorType('int64', (False,) * 4)(), filters)
        self.assertEqual(self.started(integers), set())
