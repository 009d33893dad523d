import threading
import unittest

from tests.engine.compare import torch

if torch:
    import torch.distributed as dist

    from kneerepro.engine import meeting


@unittest.skipUnless(torch, 'PyTorch is not installed')
class MeetingTest(unittest.TestCase):
    def setUp(self):
        self.store = dist.HashStore()

    def meet(self, size):
        names = [None] * size

        def come(rank):
            names[rank] = meeting.meet(self.store, rank, size, 20)

        threads = [
            threading.Thread(target=come, args=[rank]) for rank in range(size)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return set(names)

    def test_all_get_one_name(self):
        (name,) = self.meet(5)
        self.assertTrue(name)

    def test_a_name_of_its_own_for_each_meeting(self):
        names = [self.meet(3) for _ in range(4)]
        self.assertEqual([len(found) for found in names], [1] * 4)
        self.assertEqual(len(set.union(*names)), 4)

    def test_request_of_a_process_that_has_ended(self):
        self.store.set('request/1', 'before')
        self.assertEqual(len(self.meet(2)), 1)

    def test_somebody_does_not_come(self):
        with self.assertRaisesRegex(
            TimeoutError, 'of 3 processes, these have not come: 1, 2$'
        ):
            meeting.meet(self.store, 0, 3, 0)
        with self.assertRaisesRegex(TimeoutError, 'process 0 has not come'):
            meeting.meet(self.store, 1, 3, 0)
