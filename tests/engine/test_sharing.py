import threading
import unittest
from unittest import mock

from tests.engine.compare import torch

if torch:
    import torch.distributed as dist

    from kneerepro.engine import heartbeat, processes, sharing
    from kneerepro.engine.processes import LostProcessError


@unittest.skipUnless(torch, 'PyTorch is not installed')
class SharingTest(unittest.TestCase):
    """``on_processes.py`` tests what needs several processes."""

    def setUp(self):
        stores = {'store': dist.HashStore(), 'launch_store': dist.HashStore()}
        for name, store in stores.items():
            patch = mock.patch.object(processes._State, name, store)
            self.addCleanup(patch.stop)
            patch.start()
        self.store = stores['store']

    def as_process(self, rank, call):
        with (
            mock.patch.object(sharing, 'size', lambda: 2),
            mock.patch.object(sharing, 'rank', lambda: rank),
            mock.patch.object(sharing, '_numbers', iter([7])),
        ):
            return call()

    def test_one_process(self):
        self.assertEqual(sharing.from_first(lambda: (1, 'a')), (1, 'a'))

    def test_the_others_get_what_the_first_returns(self):
        value = {'folder': 'runs/é', 'parameters': [1, None, 0.5]}
        found = self.as_process(0, lambda: sharing.from_first(lambda: value))
        self.assertEqual(found, value)
        found = self.as_process(
            1, lambda: sharing.from_first(lambda: self.fail('called'))
        )
        self.assertEqual(found, value)

    def test_the_others_wait(self):
        timer = threading.Timer(0.05, self.store.set, ['value/7', '"late"'])
        timer.start()
        found = self.as_process(1, lambda: sharing.from_first(None))
        timer.join()
        self.assertEqual(found, 'late')

    def test_the_first_fails(self):
        heartbeat.claim_failure(self.store)
        with self.assertRaisesRegex(LostProcessError, 'has failed'):
            self.as_process(1, lambda: sharing.from_first(None))

    def test_remembered(self):
        self.assertIsNone(sharing.remembered('run/1'))
        sharing.remember('run/1', 'runs/é')
        self.assertEqual(sharing.remembered('run/1'), 'runs/é')
        self.assertIsNone(sharing.remembered('run/2'))
