import json
import unittest
from unittest import mock

from kneerepro.utils.errors import UserError
from tests.benchmarks.common import NEEDS_TORCH, benchmark
from tests.folders import FolderTest
from tests.scripts import call


def side_of(losses=(1.0,)):
    """A class of sides whose steps take as long as they have processes."""

    class Side:
        closed = 0

        def __init__(self, case, size):
            self.size, self.seconds, self.answers = size, [], []

        def step(self):
            self.seconds.append(len(self.seconds) * self.size)
            self.answers.append(
                [
                    {
                        'losses': [losses[-1] if self.size > 1 else losses[0]],
                        'calls': 3,
                        'bytes': 40,
                        'memory': 100 * self.size + rank,
                    }
                    for rank in range(self.size)
                ]
            )

        def close(self):
            Side.closed += 1

    return Side


@NEEDS_TORCH
class MeasureTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.overhead = benchmark('distributed_overhead')

    def measure(self, side, *arguments):
        with mock.patch.object(self.overhead, 'Side', side):
            call(
                self.overhead.main,
                '--json',
                self.path('overhead.json'),
                *arguments,
            )
        return json.loads(self.read('overhead.json'))

    def test_rows(self):
        side = side_of()
        found = self.measure(side, '--steps', '2', 'cae3d', 'dcgan')
        self.assertLessEqual({'revision', 'machine'}, set(found))
        self.assertEqual(
            found['rows'],
            [
                {
                    'network': network,
                    'batch_size': batch_size,
                    'calls': 3,
                    'bytes': 40,
                    # The first step allocates the memory.
                    '1': {'steps': [1, 2], 'memory': 100},
                    '2': {'steps': [2, 4], 'memory': 201},
                }
                for network, batch_size in (('cae3d', 4), ('dcgan', 32))
            ],
        )
        self.assertEqual(side.closed, 4)

    def test_different_losses(self):
        with self.assertRaisesRegex(UserError, 'losses of cae2d .*1.0.*1.1'):
            self.measure(side_of((1.0, 1.1)), 'cae2d')


@NEEDS_TORCH
class SideTest(unittest.TestCase):
    """Starts processes, which takes seconds: nothing else runs what they
    do.
    """

    def test_processes(self):
        overhead = benchmark('distributed_overhead')
        case = {'network': 'cae2d', 'batch_size': 4, 'width': 1 / 64}
        found = overhead.measure(case, 1)
        self.assertEqual(found['calls'], 1)
        self.assertGreater(found['bytes'], 4)
        for size in '1', '2':
            self.assertEqual(len(found[size]['steps']), 1)
            self.assertGreater(found[size]['memory'], 2**24)

    def test_process_that_ends(self):
        overhead = benchmark('distributed_overhead')
        with mock.patch.object(
            overhead, '__file__', '/nowhere/distributed_overhead.py'
        ):
            side = overhead.Side({}, 1)
        self.addCleanup(side.close)
        with self.assertRaisesRegex(UserError, 'process has ended'):
            side.step()
