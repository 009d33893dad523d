"""How CUDA graphs are recorded and replayed, with mocks in place of CUDA.

What PyTorch does then can be tested only on a GPU."""

import contextlib
import gc
import itertools
import unittest
import warnings
from unittest import mock

from tests.engine.compare import torch

if torch:
    from kneerepro.engine import cuda_graphs
    from kneerepro.engine.breaks import at_each_call
    from kneerepro.engine.cuda_graphs import CudaGraphs, Staging


@unittest.skipUnless(torch, 'PyTorch is not installed')
class CudaGraphsTest(unittest.TestCase):
    def setUp(self):
        self.calls, self.graph = [], mock.Mock()
        self.main, count = mock.Mock(), itertools.count()
        self.graph.capture_begin = self.logging('begin')
        self.graph.capture_end = self.logging('end')
        self.graph.replay = self.logging('replay')
        cuda = mock.patch.multiple(
            torch.cuda,
            CUDAGraph=lambda: self.graph,
            Stream=mock.Mock(),
            graph_pool_handle=lambda: f'pool {next(count)}',
            current_device=lambda: 0,
            current_stream=lambda device: self.main,
            device=lambda index: contextlib.nullcontext(),
            synchronize=self.logging('synchronize'),
            empty_cache=self.logging('empty'),
            stream=self.stream,
        )
        cuda.start()
        self.addCleanup(cuda.stop)
        cuda_graphs._capture_state_of.cache_clear()
        self.addCleanup(cuda_graphs._capture_state_of.cache_clear)
        self.graphs = CudaGraphs(torch.device('cuda'))

    def logging(self, name):
        return lambda *args, **kwargs: self.calls.append(name)

    @contextlib.contextmanager
    def stream(self, stream):
        self.calls.append('on side stream')
        yield
        self.calls.append('back')

    def test_records(self):
        def step():
            self.calls.append('step')
            self.assertFalse(gc.isenabled())
            return ['output']

        outputs, replay = self.graphs.record(step)
        self.assertEqual(outputs, ['output'])
        self.assertTrue(gc.isenabled())
        self.assertEqual(
            self.calls,
            [
                'synchronize',
                'empty',
                'on side stream',
                'begin',
                'step',
                'end',
                'back',
            ],
        )
        replay()
        self.assertEqual(self.calls[-1], 'replay')
        self.main.wait_stream.assert_not_called()
        # On another stream, a replay waits for the previous one.
        before, self.main = self.main, mock.Mock()
        replay()
        self.main.wait_stream.assert_called_once_with(before)

    def test_steps_between_graphs(self):
        def step():
            at_each_call(self.logging('first'))
            self.calls.append('step')
            at_each_call(self.logging('second'))
            return []

        _, replay = self.graphs.record(step)
        self.assertEqual(
            self.calls[3:-1],
            ['begin', 'end', 'begin', 'step', 'end', 'begin', 'end'],
        )
        before = len(self.calls)
        replay()
        self.assertEqual(
            self.calls[before:],
            ['replay', 'first', 'replay', 'second', 'replay'],
        )
        # Nothing is recorded any more.
        at_each_call(self.logging('third'))
        self.assertEqual(self.calls[-1], 'third')

    def test_graphs_may_be_empty(self):
        def end():
            warnings.warn('The CUDA Graph is empty. This ...', stacklevel=1)
            warnings.warn('another', stacklevel=1)

        self.graph.capture_end = end
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter('always')
            self.graphs.record(list)
        self.assertEqual([str(each.message) for each in found], ['another'])

    def test_recording_ends_if_the_function_fails(self):
        def step():
            raise RuntimeError('not permitted')

        def end():
            self.calls.append('end')
            raise RuntimeError('capture failed')

        self.graph.capture_end = end
        with self.assertRaisesRegex(RuntimeError, 'not permitted'):
            self.graphs.record(step)
        self.assertEqual(self.calls[-2:], ['begin', 'end'])
        self.assertTrue(gc.isenabled())
        with self.assertRaisesRegex(RuntimeError, 'capture failed'):
            self.graphs.record(list)
        self.assertTrue(gc.isenabled())

    def test_recording_ends_if_a_step_cannot_break_it(self):
        with (
            mock.patch.object(
                self.graph, 'capture_end', side_effect=RuntimeError
            ),
            mock.patch.object(torch._C, '_cuda_endAllocateToPool'),
            self.assertRaises(RuntimeError),
        ):
            self.graphs.record(lambda: at_each_call(self.logging('first')))
        self.assertNotIn('first', self.calls)
        self.assertTrue(gc.isenabled())

    def test_new_pool_if_a_recording_does_not_end(self):
        pools, ended = [], []

        def begin(pool, capture_error_mode):
            pools.append(pool)

        def step():
            raise ValueError('in it')

        self.graph.capture_begin = begin
        with mock.patch.object(
            torch._C,
            '_cuda_endAllocateToPool',
            lambda *args: ended.append(args),
        ):
            self.graphs.record(list)
            with self.assertRaises(ValueError):
                self.graphs.record(step)
            # The recording has ended, so the pool can be used again.
            self.assertEqual((pools, ended), (['pool 0'] * 2, []))
            for function, error in (step, ValueError), (list, RuntimeError):
                with (
                    mock.patch.object(
                        self.graph, 'capture_end', side_effect=RuntimeError
                    ),
                    self.assertRaises(error),
                ):
                    self.graphs.record(function)
            self.graphs.record(list)
        self.assertEqual(pools[2:], ['pool 0', 'pool 1', 'pool 2'])
        self.assertEqual(ended, [(0, 'pool 0'), (0, 'pool 1')])

    def test_runs_on_the_side_stream_before_recording(self):
        with self.graphs.before_recording():
            self.main.wait_stream.assert_not_called()
        self.main.wait_stream.assert_called_once()


@unittest.skipUnless(torch, 'PyTorch is not installed')
class StagingTest(unittest.TestCase):
    def test_sends(self):
        target = torch.zeros(2, 3)
        staging = Staging(target)
        for i in range(2):
            staging.wait()
            staging.array[...] = i + 1
            self.assertEqual(target.sum(), 6 * i)
            staging.send()
            self.assertEqual(target.sum(), 6 * (i + 1))
