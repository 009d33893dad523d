import threading
import unittest

from tests.engine.compare import torch

if torch:
    from kneerepro.engine.breaks import at_each_call, breaking


@unittest.skipUnless(torch, 'PyTorch is not installed')
class BreaksTest(unittest.TestCase):
    def test_now_or_later(self):
        done, kept = [], []
        at_each_call(lambda: done.append(1))
        with self.assertRaises(KeyError), breaking(kept.append):
            at_each_call(lambda: done.append(2))
            # Other threads go on.
            thread = threading.Thread(
                target=at_each_call, args=[lambda: done.append(3)]
            )
            thread.start()
            thread.join()
            raise KeyError
        at_each_call(lambda: done.append(4))
        self.assertEqual(done, [1, 3, 4])
        for step in kept:
            step()
        self.assertEqual(done, [1, 3, 4, 2])
