"""Base classes of the tests of recorded functions.

On CUDA, recordings are CUDA graphs. The tests replace these by fakes that do
the same to the same tensors. All other code is what runs on CUDA.
"""

import numpy as np
import theano

from tests.engine.compare import EngineTest, torch

if torch:
    from kneerepro.engine.cuda_graphs import CudaGraphs
    from tests.engine.fake_cuda_graphs import FakeCudaGraphs, recording_modes


def ones(*shape):
    return np.ones(shape, 'float32')


class ReplayTest(EngineTest):
    """Compares runs with and without recordings, bit for bit."""

    def assert_same_run(self, run, calls=(0, 1, 2), captured=True):
        """`run`, called with each mode, returns the same arrays.

        Its functions are recorded after each of these numbers of calls."""
        for k in range(2):
            plain = recording_modes(None)[k]
            expected = run(plain)
            for count in calls:
                graphs = FakeCudaGraphs(count)
                self.assert_identical(
                    run(recording_modes(graphs)[k]), expected
                )
                self.assertEqual(graphs.replayed > 0, captured)

    def assert_identical(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            a, b = np.asarray(a), np.asarray(b)
            self.assertEqual(
                (a.dtype, a.shape, a.tobytes()),
                (b.dtype, b.shape, b.tobytes()),
            )

    def recorded(self, inputs, outputs, calls=0, **kwargs):
        """A function, and the fake that records it."""
        graphs = FakeCudaGraphs(calls)
        return theano.function(
            inputs,
            outputs,
            mode=recording_modes(graphs)[0],
            on_unused_input='ignore',
            **kwargs,
        ), graphs


class OnCuda:
    """Uses real CUDA graphs, which need at least one run before they are
    recorded."""

    device = 'cuda'

    def setUp(self):
        if not torch.cuda.is_available():
            self.skipTest('no CUDA device')
        super().setUp()

    def assert_same_run(self, run, calls=(1, 2), captured=True):
        modes = recording_modes(None, 'cuda')
        for k in range(2):
            expected = run(modes[k])
            for count in calls:
                graphs = CudaGraphs(torch.device('cuda'))
                graphs.calls = max(count, 1)
                found = run(recording_modes(graphs, 'cuda')[k])
                for a, b in zip(found, expected):
                    np.testing.assert_allclose(a, b, 1e-6)

    def recorded(self, *args, **kwargs):
        self.skipTest('without CUDA')
