import threading
import unittest

from tests.engine.compare import torch

if torch:
    import torch.distributed as dist

    from kneerepro.engine import heartbeat
    from kneerepro.engine.heartbeat import Heartbeat


class UnreachableStore:
    def add(self, key, number):
        raise RuntimeError('Broken pipe')

    set = check = get = add


@unittest.skipUnless(torch, 'PyTorch is not installed')
class HeartbeatTest(unittest.TestCase):
    """Three processes, which look when the tests tell them to."""

    def setUp(self):
        self.store = dist.HashStore()
        self.all = [self.heartbeat(rank) for rank in range(3)]
        for one in self.all:
            one.beat()

    def heartbeat(self, rank, store=None, lost_after=60, lost=None):
        return Heartbeat(store or self.store, rank, 3, lost_after, lost)

    def looks(self, ranks, count):
        """What these processes find at their next looks."""
        return [self.all[rank].look() for _ in range(count) for rank in ranks]

    def test_all_are_well(self):
        self.assertEqual(set(self.looks([0, 1, 2], 20)), {None})

    def test_a_silent_process(self):
        self.looks([0, 1, 2], 3)
        *others, finding = self.looks([0, 1], heartbeat.BEATS - 1)
        self.assertEqual(set(others), {None})
        self.assertRegex(
            finding,
            r'^process 2 \(pid \d+ on \S+\) has given no sign of life for '
            '60 s$',
        )

    def test_all_were_stopped_for_a_while(self):
        """Each goes on with a look at the other, which has not yet beaten."""
        for _ in range(5):
            self.assertEqual(set(self.looks([2, 1, 0], 1)), {None})
            self.assertEqual(set(self.looks([0, 1, 2], 1)), {None})

    def test_a_process_has_left(self):
        self.all[2]._thread.start()
        self.all[2].leave()
        self.assertEqual(set(self.looks([0, 1], 20)), {None})

    def test_another_process_says_why(self):
        self.assertTrue(heartbeat.claim_failure(self.store))
        self.assertFalse(heartbeat.claim_failure(self.store))
        # It gets the time to end by itself.
        self.assertEqual(self.looks([0], 2), [None, ''])

    def test_no_store(self):
        alone = self.heartbeat(0, UnreachableStore())
        found = [alone.look() for _ in range(heartbeat.BEATS)]
        self.assertIsNone(found[0])
        self.assertIn('can no longer be reached', found[-1])
        self.assertTrue(heartbeat.claim_failure(UnreachableStore()))

    def test_thread(self):
        findings, found = [], threading.Event()

        def lost(finding):
            findings.append(finding)
            found.set()

        watching = self.heartbeat(1, lost_after=0.06, lost=lost)
        watching.start()
        self.assertTrue(found.wait(20))
        self.assertRegex(findings[0], 'process 2 .* for 0.06 s')
        self.assertTrue(heartbeat.has_failed(self.store))
