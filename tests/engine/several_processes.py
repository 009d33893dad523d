"""All checks of on_processes.py on two processes, for ``make
test-distributed``.
"""

import unittest

from tests.engine.compare import torch
from tests.processes import assert_all_succeed, run_processes


@unittest.skipUnless(torch, 'PyTorch is not installed')
class SeveralProcessesTest(unittest.TestCase):
    def test_on_two_processes(self):
        assert_all_succeed(
            self,
            run_processes(
                2,
                '-m',
                'tests.engine.on_processes',
                THEANO_FLAGS='floatX=float64,cxx=',
            ),
        )
