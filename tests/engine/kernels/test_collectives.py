"""The kernels of single processes; ``tests/engine/on_processes.py`` has the
sums.
"""

from unittest import mock

import numpy as np
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
    from kneerepro.engine.distributed import (
        OwnRows,
        PlaceRows,
        average,
        total,
    )
    from kneerepro.engine.kernels import collectives
    from kneerepro.engine.kernels.collectives import _Sums
    from tests.engine.fake_cuda_graphs import TapedCudaGraphs, recording_modes


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
        for tensor, result in zip(tensors, _Sums(tensors, False).finish()):
            self.assertTrue(torch.equal(result, tensor))
            if tensor.is_contiguous(memory_format=torch.channels_last):
                self.assertEqual(result.stride(), tensor.stride())
            self.assertNotEqual(result.data_ptr(), x.data_ptr())

    def test_types(self):
        for dtype in 'int8', 'uint16', 'float16', 'float64', 'complex64':
            tensor = torch.ones(3).to(getattr(torch, dtype))
            (result,) = _Sums([tensor], False).finish()
            self.assertEqual(result.dtype, tensor.dtype)
            self.assertTrue(torch.equal(result, tensor))

    def test_recorded(self):
        """As on two processes, of which the other one has the same."""
        sent = []

        def all_reduce(numbers, async_op):
            sent.append(numbers.data_ptr())
            wait = mock.Mock(side_effect=lambda: numbers.mul_(2))
            return mock.Mock(wait=wait)

        x, y = T.vectors('xy')
        inner = total(T.exp(x))
        outputs = [inner * y, average(inner * x), total(y.sum()), y + 1]
        graphs = TapedCudaGraphs()
        with (
            mock.patch.object(processes, 'size', lambda: 2),
            mock.patch.object(processes, 'all_equal', return_value=True) as f,
            mock.patch.object(collectives.dist, 'all_reduce', all_reduce),
        ):
            mode = recording_modes(graphs, DEVICE)[0]
            function = theano.function([x, y], outputs, mode=mode)
            for _ in range(3):
                a, b = values('float32', 4), values('float32', 4)
                doubled = 2 * np.exp(a)
                expected = [doubled * b, doubled * a, 2 * b.sum(), b + 1]
                for found, value in zip(function(a, b), expected):
                    np.testing.assert_allclose(found, value, 1e-6)
        self.assertEqual((graphs.recorded, graphs.replayed), (1, 3))
        self.assertIsNone(function.fn.program.not_captured)
        # Two steps for each call, which finds its numbers in one place.
        calls = len(set(sent))
        self.assertEqual((len(sent), graphs.breaks), (3 * calls, 2 * calls))
        self.assertEqual(f.call_count, calls)
