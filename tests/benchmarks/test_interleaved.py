import contextlib
import functools
import io
import json
import subprocess
import time
import unittest
from unittest import mock

import numpy as np

from kneerepro.utils.errors import UserError
from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch


@NEEDS_TORCH
class TimeInterleavedTest(unittest.TestCase):
    def test_rows_hold_the_case_and_its_times(self):
        interleaved = benchmark('interleaved')
        case = {
            'network': 'unet3d',
            'device': 'cpu',
            'batch_size': 1,
            'depth': 8,
            'engine': 'native',
        }
        (row,) = interleaved.time_interleaved([case], 2)
        self.assertEqual({name: row[name] for name in case}, case)
        self.assertEqual(len(row['steps']), 2)
        self.assertGreater(min(row['steps']), 0)
        self.assertTrue(0.05 < row['memory'] < 10)
        self.assertTrue(np.isfinite(row['compiling'] + row['first']))

    def test_limit(self):
        interleaved, arithmetic = map(benchmark, ('interleaved', 'arithmetic'))
        with mock.patch.object(arithmetic, 'limit', return_value=3) as limit:
            case = {'engine': 'native', 'device': 'cpu'}
            self.assertEqual(interleaved._limit(case, 'step'), 3)
        limit.assert_called_once_with('step', with_engine=False)
        self.assertIsNone(interleaved._limit({'engine': 'theano'}, 'step'))

    def test_pauses_on_the_cpu_only(self):
        interleaved, steps = benchmark('interleaved'), benchmark('steps')
        for on_cuda in False, True:
            with (
                mock.patch.object(
                    steps, 'compile_step', return_value=lambda: [0.5]
                ),
                mock.patch.object(
                    interleaved, '_on_cuda', return_value=on_cuda
                ),
                mock.patch.multiple(
                    torch.cuda,
                    synchronize=mock.DEFAULT,
                    max_memory_allocated=lambda: 2**30,
                ),
                mock.patch('time.sleep') as sleep,
                mock.patch('sys.stdin', ['compile\n', 'step\n', 'step\n']),
                contextlib.redirect_stdout(io.StringIO()) as output,
            ):
                interleaved._serve({'engine': 'native'})
            self.assertEqual(sleep.call_count, 0 if on_cuda else 2)
            answers = [
                json.loads(line) for line in output.getvalue().splitlines()
            ]
            self.assertEqual(
                [answer['losses'] for answer in answers], [None, [0.5], [0.5]]
            )

    def test_time_limit_leaves_two_steps(self):
        interleaved = benchmark('interleaved')
        with mock.patch.object(interleaved, 'StepProcess') as process:
            for end, count in (
                (time.monotonic() - 1, 2),
                (time.monotonic() + 600, 6),
            ):
                process().step.reset_mock()
                interleaved.time_interleaved([{}], 5, end)
                self.assertEqual(process().step.call_count, count)

    def test_a_process_that_fails(self):
        interleaved = benchmark('interleaved')
        silent = functools.partial(subprocess.Popen, stderr=subprocess.DEVNULL)
        with (
            mock.patch('subprocess.Popen', silent),
            self.assertRaisesRegex(
                UserError, 'cae3d on native stopped with status 1'
            ),
        ):
            interleaved.time_interleaved(
                [
                    {
                        'network': 'cae3d',
                        'device': 'cpu',
                        'engine': 'native',
                        'batch_size': 1,
                        'depth': 'deep',
                    }
                ],
                1,
            )
