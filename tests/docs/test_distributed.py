import re
import unittest

from tests.engine.compare import torch
from tests.processes import assert_all_succeed, run_processes
from tests.subprocesses import ROOT


@unittest.skipUnless(torch, 'PyTorch is not installed')
class ExampleTest(unittest.TestCase):
    def test_two_processes_print_what_one_prints(self):
        with open(f'{ROOT}/docs/distributed.rst') as file:
            text = file.read()
        example, expected = (
            re.search(rf'\.\. {name}::\n\n((    .*\n|\n)+)', text)[1]
            for name in ('testcode', 'testoutput')
        )
        # As if it were indented in a block.
        processes = run_processes(2, '-c', f'if True:\n{example}')
        assert_all_succeed(self, processes)
        (_, first, _), (_, second, _) = processes
        self.assertEqual(first.strip(), expected.strip())
        self.assertEqual(second, '')
