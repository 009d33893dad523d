import platform
import unittest

from tests.engine.compare import torch
from tests.subprocesses import run_python

CODE = """
import resource
import kneerepro
import numpy as np
from kneerepro.engine.memory import keep_freed_memory, trim_heap

def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**26, 'uint8')     # 64 MiB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
assert keep_freed_memory()
faults()
# The pages are there already; huge pages make few faults of many.
assert faults() < before / 10 or before < 100, (before, faults())
kept = resident()
trim_heap()
assert resident() < kept - 2**25, (kept, resident())
"""


@unittest.skipUnless(
    torch and platform.libc_ver()[0] == 'glibc', 'needs PyTorch and glibc'
)
class MemoryTest(unittest.TestCase):
    def test_freed_memory_is_kept_until_the_heap_is_trimmed(self):
        found = run_python(CODE)
        self.assertEqual(found.returncode, 0, found.stderr)
