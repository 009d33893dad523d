"""How CUDA graphs are made, and what CUDA is set to; what PyTorch does about
it is another matter, for which there has to be a GPU."""

import contextlib
import gc
import itertools
import os
import unittest
from unittest import mock

from tests.engine.compare import torch, torch_mode

if torch:
    from kneerepro.engine import graphs
    from kneerepro.engine.graphs import CudaGraphs, Staging
    from kneerepro.engine.precision import on_cuda
    from kneerepro.engine.runner import Runner


@unittest.skipUnless(torch, 'PyTorch is not installed')
class CudaGraphsTest(unittest.TestCase):
    def setUp(self):
        self.calls, self.graph = [], mock.Mock()
        self.main, count = mock.Mock(), itertools.count()
        self.graph.capture_begin = self.noting('begin')
        self.graph.capture_end = self.noting('end')
        self.graph.replay = self.noting('replay')
        cuda = mock.patch.multiple(
            torch.cuda,
            CUDAGraph=lambda: self.graph,
            Stream=mock.Mock(),
            graph_pool_handle=lambda: f'pool {next(count)}',
            current_device=lambda: 0,
            current_stream=lambda device: self.main,
            device=lambda index: contextlib.nullcontext(),
            synchronize=self.noting('synchronize'),
            empty_cache=self.noting('empty'),
            stream=self.stream,
        )
        cuda.start()
        self.addCleanup(cuda.stop)
        graphs._place_of.cache_clear()
        self.addCleanup(graphs._place_of.cache_clear)
        self.graphs = CudaGraphs(torch.device('cuda'))

    def noting(self, name):
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
        # On another stream, it waits for what the last one does.
        before, self.main = self.main, mock.Mock()
        replay()
        self.main.wait_stream.assert_called_once_with(before)

    def test_ends_what_fails(self):
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

    def test_pool_after_what_fails(self):
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
            # Where it ends well, the pool is as good as before.
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

    def test_before(self):
        with self.graphs.before_recording():
            self.main.wait_stream.assert_not_called()
        self.main.wait_stream.assert_called_once()

    def test_modes(self):
        for given, environment, expected in [
            (None, {}, True),
            (False, {}, False),
            (True, {}, True),
            (None, {'THEANO_TORCH_CUDA_GRAPHS': '0'}, False),
            (True, {'THEANO_TORCH_CUDA_GRAPHS': '0'}, True),
        ]:
            with mock.patch.dict(os.environ, environment):
                linker = torch_mode('cuda', cuda_graphs=given).linker
                self.assertEqual(linker.graphs is not None, expected)
                self.assertIs(linker.clone().graphs, linker.graphs)
                on_cpu = torch_mode('cpu', cuda_graphs=given).linker
                self.assertIsNone(on_cpu.graphs)
        for given, environment, expected in [
            (None, {}, True),
            (False, {}, False),
            (None, {'THEANO_TORCH_TF32': '0'}, False),
        ]:
            with mock.patch.dict(os.environ, environment):
                linker = torch_mode('cuda', tf32=given).linker
                self.assertEqual(
                    (linker.tf32, linker.clone().tf32), (expected, expected)
                )
        with (
            mock.patch.dict(os.environ, THEANO_TORCH_TF32='off'),
            self.assertRaisesRegex(ValueError, 'TF32.*0 or 1'),
        ):
            torch_mode('cuda')


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


@unittest.skipUnless(torch, 'PyTorch is not installed')
class PrecisionTest(unittest.TestCase):
    def state(self):
        cudnn = torch.backends.cudnn
        return (
            torch.backends.cuda.matmul.allow_tf32,
            cudnn.allow_tf32,
            cudnn.benchmark,
        )

    def precision(self):
        if not hasattr(torch.backends.cudnn, 'conv'):
            return self.state()
        return (
            torch.backends.cuda.matmul.fp32_precision == 'tf32',
            torch.backends.cudnn.conv.fp32_precision == 'tf32',
            torch.backends.cudnn.benchmark,
        )

    def test_within_alone(self):
        before = self.state()
        for tf32 in True, False:
            for benchmark in True, False:
                with (
                    self.assertRaisesRegex(ValueError, 'in it'),
                    on_cuda(tf32, benchmark),
                ):
                    self.assertEqual(self.precision(), (tf32, tf32, benchmark))
                    with on_cuda(not tf32, False):
                        self.assertEqual(
                            self.precision(), (not tf32, not tf32, benchmark)
                        )
                    self.assertEqual(self.precision(), (tf32, tf32, benchmark))
                    raise ValueError('in it')
                self.assertEqual(self.state(), before)

    def test_algorithms_are_tried_at_the_first_call(self):
        # Later ones get what cuDNN took then.
        program = mock.Mock()
        program.scope.device = torch.device('cuda')
        program.run = lambda *args: torch.backends.cudnn.benchmark
        runner = Runner(program, [], {}, {}, [], True)
        self.assertEqual([runner(), runner()], [True, True])
        with runner.settings(benchmark=False):
            self.assertFalse(torch.backends.cudnn.benchmark)

    def test_deterministic_algorithms(self):
        cudnn = torch.backends.cudnn
        self.addCleanup(setattr, cudnn, 'deterministic', cudnn.deterministic)
        cudnn.deterministic = True
        with on_cuda(True, True):
            self.assertFalse(cudnn.benchmark)
