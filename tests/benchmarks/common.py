"""Helpers of the benchmarks' tests."""

import unittest

from tests.scripts import import_from

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = unittest.skipIf(torch is None, 'PyTorch is not installed')


def benchmark(name):
    """Import a module of benchmarks/."""
    return import_from('benchmarks', name)
