"""The kernels of single processes; ``tests/engine/on_processes.py`` has the
sums.
"""

from unittest import mock

import theano
import theano.tensor as T
from theano.compile import Mode

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    torch,
    torch_mode,
    values,
)

if torch:
    from kneerepro.engine import processes
    from kneerepro.engine.distributed import OwnRows, PlaceRows, total
    from kneerepro.engine.kernels.collectives import _finish, _start
    from tests.engine.fake_cuda_graphs import FakeCudaGraphs, recording_modes


class RowsTest(EngineTest):
    def test_against_numpy(self):
        x, n = T.matrix(), T.iscalar()
        mode = Mode(torch_mode(DEVICE).linker, None)
        for rank, axis in (0, 0), (1, 0), (2, 1):
            with (
                mock.patch.object(processes, 'rank', lambda: rank),
                mock.patch.object(processes, 'size', lambda: 3),
            ):
                part = OwnRows(axis)(x)
                outputs = [part, PlaceRows(axis)(part, n)]
                given = values('float32', 5, 4)
                expected = theano.function([x, n], outputs, mode=REFERENCE)(
                    given, given.shape[axis]
                )
                found = theano.function([x, n], outputs, mode=mode)(
                    given, given.shape[axis]
                )
                self.assert_equal(found, expected, None, outputs)


class SumsTest(EngineTest):
    def test_order_in_memory(self):
        x = torch.arange(120.0).view(2, 3, 4, 5)
        tensors = [
            x,
            x.permute(0, 3, 1, 2),
            x[:, :, ::2],
            torch.tensor(3.0),
            x[:0],
        ]
        for tensor, result in zip(tensors, _finish(_start(tensors, False))):
            self.assertTrue(torch.equal(result, tensor))
            if tensor.is_contiguous(memory_format=torch.channels_last):
                self.assertEqual(result.stride(), tensor.stride())
            self.assertNotEqual(result.data_ptr(), x.data_ptr())

    def test_types(self):
        for dtype in 'int8', 'uint16', 'float16', 'float64', 'complex64':
            tensor = torch.ones(3).to(getattr(torch, dtype))
            (result,) = _finish(_start([tensor], False))
            self.assertEqual(result.dtype, tensor.dtype)
            self.assertTrue(torch.equal(result, tensor))

    def test_not_recorded(self):
        x, graphs = T.vector(), FakeCudaGraphs()
        mode = recording_modes(graphs, DEVICE)[1]
        function = theano.function([x], total(T.exp(x)), mode=mode)
        for _ in range(3):
            given = values('float32', 4)
            self.assert_equal(
                [function(given)],
                theano.function([x], [T.exp(x)], mode=REFERENCE)(given),
                None,
                function.maker.fgraph.outputs,
            )
        self.assertIn('AllReduce', function.fn.program.not_captured)
        self.assertEqual(graphs.recorded, 0)
