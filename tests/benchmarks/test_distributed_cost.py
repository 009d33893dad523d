import json
import unittest
from unittest import mock

import numpy as np

from tests.benchmarks.common import NEEDS_TORCH, benchmark
from tests.folders import FolderTest
from tests.scripts import call


def step_of(cost, **values):
    """A step of one operation that takes a second for each example."""
    return [
        benchmark('distributed_counts').Counts(
            **{
                'name': '',
                'flops': cost.PEAK_SHARE * cost.PEAK * np.array([[1], [2]]),
                'moved': np.zeros((2, 1)),
                'waited': (),
                'last': (0,),
                'least': 0,
                **values,
            }
        )
    ]


@NEEDS_TORCH
class EstimateTest(unittest.TestCase):
    def setUp(self):
        self.cost = benchmark('distributed_cost')

    def estimate(self, examples, gpus, **values):
        step = step_of(self.cost, **values)
        found = self.cost.estimate(step, examples, gpus)
        self.assertEqual(found.seconds, found.computing + found.waiting)
        return found.computing, found.waiting

    def test_one_gpu_waits_for_nobody(self):
        computing, waiting = self.estimate(3, 1, waited=(8,), last=(8,))
        self.assertAlmostEqual(computing, 3)
        self.assertEqual(waiting, 0)

    def test_slowest_part_of_each_operation(self):
        a_second = self.cost.MEMORY_SHARE * self.cost.MEMORY
        computing, _ = self.estimate(
            3,
            1,
            flops=np.zeros((2, 3)),
            # The second one, such as an optimiser's, is the same for any
            # number of examples.
            moved=a_second * np.array([[1, 5, 0], [3, 5, 0]]),
        )
        self.assertAlmostEqual(computing, 5 + 5 + self.cost.SHORTEST)

    def test_sums_that_are_waited_for(self):
        link = self.cost.NVLINK
        _, waiting = self.estimate(1, 8, waited=(8, 8), last=(0,))
        self.assertAlmostEqual(waiting, 3 * link.latency)
        size = link.bandwidth  # what a GPU sends in one second
        _, waiting = self.estimate(1, 2, waited=(size,), last=(0,))
        self.assertAlmostEqual(waiting, 1 + 2 * link.latency)
        _, waiting = self.estimate(1, 64, waited=(8,), last=(0,))
        self.assertAlmostEqual(waiting, 2 * self.cost.INFINIBAND.latency)

    def test_gradients_are_sent_beside_computing(self):
        size = self.cost.NVLINK.bandwidth
        # All but the last fit beside two thirds of 30 seconds.
        _, waiting = self.estimate(30, 2, last=(size,) * 5)
        self.assertAlmostEqual(waiting, 1, 3)
        _, waiting = self.estimate(3, 2, last=(size,) * 5)
        self.assertAlmostEqual(waiting, 5 - 2, 3)

    def test_where_waiting_is_noticed(self):
        # A GPU computes n seconds, and then waits for 3.5, which is a quarter
        # of the step if n is 10.5.
        step = step_of(self.cost, last=(3.5 * self.cost.NVLINK.bandwidth,))
        self.assertEqual(self.cost.noticed_up_to(step, 2, 50), 10)
        self.assertEqual(self.cost.noticed_up_to(step, 2, 5), 5)
        self.assertEqual(self.cost.noticed_up_to(step_of(self.cost), 8, 50), 0)


@NEEDS_TORCH
class MainTest(FolderTest):
    def test_rows(self):
        cost = benchmark('distributed_cost')
        size = int(cost.NVLINK.bandwidth)
        step = step_of(cost, name='critic', waited=(8,), last=(size,), least=4)
        with mock.patch.object(cost, 'count', return_value=step):
            call(cost.main, 'cae3d', '--json', self.path('cost.json'))
        found = json.loads(self.read('cost.json'))
        self.assertLessEqual({'revision', 'machine'}, set(found))
        (row,) = found['counted']
        self.assertEqual(row.pop('flops'), cost.PEAK_SHARE * cost.PEAK)
        self.assertEqual(
            row,
            {
                'network': 'cae3d',
                'trained': 'critic',
                'least': 4,
                'sent': size + 8,
                'waited': 1,
                'last': 1,
                'operations': 1,
            },
        )
        one, eight, many = found['estimated']
        for column in 'divided', 'multiplied':
            self.assertAlmostEqual(one[column].pop('seconds'), 4)
            self.assertEqual(one[column], {'waiting': 0, 'efficiency': 1})
        # A minibatch of 4 cannot be divided among 8 GPUs.
        self.assertNotIn('divided', eight)
        self.assertAlmostEqual(eight['multiplied']['seconds'], 5.75, 3)
        self.assertAlmostEqual(eight['multiplied']['efficiency'], 4 / 5.75, 3)
        # Waiting takes 1.75 s.
        self.assertEqual((eight['gpus'], eight['noticed up to']), (8, 5))
        self.assertEqual(many['gpus'], 64)
