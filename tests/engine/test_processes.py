import os
from unittest import mock

import theano
import theano.tensor as T

from tests.engine.compare import EngineTest, torch, torch_mode

if torch:
    from kneerepro.engine import processes
    from kneerepro.engine.distributed import total
    from kneerepro.engine.processes import Traffic

TORCHRUN = {
    'RANK': '0',
    'WORLD_SIZE': '2',
    'MASTER_ADDR': '127.0.0.1',
    'MASTER_PORT': '1',
}


class ProcessesTest(EngineTest):
    def test_one_process(self):
        processes.initialise()
        self.assertEqual((processes.rank(), processes.size()), (0, 1))
        with mock.patch.dict(os.environ, {'WORLD_SIZE': '1'}):
            processes.initialise()
        self.assertEqual(processes.own_rows(5), slice(0, 5))
        processes.broadcast([theano.shared(1.0)])

    def test_own_rows(self):
        for count in 1, 2, 3, 8:
            for n in 0, 1, 2, 5, 64, 127:
                rows = []
                for rank in range(count):
                    with (
                        mock.patch.object(processes, 'rank', lambda: rank),
                        mock.patch.object(processes, 'size', lambda: count),
                    ):
                        part = processes.own_rows(n)
                    self.assertIn(
                        part.stop - part.start, {n // count, -(-n // count)}
                    )
                    rows += range(n)[part]
                self.assertEqual(rows, list(range(n)))

    def test_incomplete_environment(self):
        with (
            mock.patch.dict(os.environ, {'WORLD_SIZE': '2', 'RANK': '0'}),
            self.assertRaisesRegex(
                ValueError,
                'WORLD_SIZE is 2, but MASTER_ADDR and MASTER_PORT cannot',
            ),
        ):
            os.environ.pop('MASTER_ADDR', None)
            os.environ.pop('MASTER_PORT', None)
            processes.initialise()

    def test_not_initialised(self):
        with (
            mock.patch.dict(os.environ, TORCHRUN),
            self.assertRaisesRegex(RuntimeError, 'call .*initialise'),
        ):
            total(T.vector())

    def test_compiled_too_early(self):
        x = T.vector()
        with mock.patch.object(processes._State, 'compiled_alone', False):
            theano.function([x], total(x), mode=torch_mode('cpu'))
            self.assertTrue(processes._State.compiled_alone)
            with (
                mock.patch.dict(os.environ, TORCHRUN),
                self.assertRaisesRegex(RuntimeError, r'initialise\(\) first'),
            ):
                processes.initialise()

    def test_traffic(self):
        before = processes.traffic()
        processes.count(12)
        processes.count(30)
        self.assertEqual(processes.traffic() - before, Traffic(2, 42))
