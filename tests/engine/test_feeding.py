import itertools
import threading
import unittest
from unittest import mock

import numpy as np
import theano
import theano.tensor as T

from tests.engine.compare import TorchLinker, TorchMode, torch, torch_mode

if torch:
    from kneerepro.engine import feeding
    from kneerepro.engine.feeding import DeviceArray, prefetch

DEVICES = ['cpu', 'cuda'] if torch and torch.cuda.is_available() else ['cpu']


@unittest.skipUnless(torch, 'PyTorch is not installed')
class PrefetchTest(unittest.TestCase):
    def test_same_minibatches_in_order(self):
        batches = np.random.RandomState(1).rand(5, 2, 3).astype('float32')
        for device in DEVICES:
            for source in batches, iter(list(batches)), batches[::-1]:
                source, expected = itertools.tee(source)
                found = [
                    np.asarray(torch.as_tensor(batch).cpu())
                    for batch in prefetch(source, device)
                ]
                np.testing.assert_array_equal(found, list(expected))
            self.assertEqual(list(prefetch([], device)), [])

    def test_one_ahead(self):
        taken, reached = [], threading.Event()
        before = threading.active_count()

        def source():
            for i in range(5):
                taken.append(i)
                if i == 1:
                    reached.set()
                yield np.full(2, i, 'float32')

        batches = prefetch(source(), 'cpu')
        next(batches)
        self.assertTrue(reached.wait(10))
        self.assertEqual(taken, [0, 1])
        # Whoever stops early leaves no thread behind.
        batches.close()
        self.assertEqual(taken, [0, 1])
        self.assertEqual(threading.active_count(), before)

    def test_one_stream_for_all_epochs(self):
        # After 32 of them, PyTorch hands out the same ones again.
        self.addCleanup(feeding._stream_on.cache_clear)
        for device in 'cuda', 'cuda:1':
            feeding._stream_on.cache_clear()
            with mock.patch.multiple(
                torch.cuda,
                Stream=mock.DEFAULT,
                stream=mock.MagicMock(),
                current_device=lambda: 0,
            ) as mocks:
                for _ in range(3):
                    self.assertEqual(list(prefetch([], device)), [])
            mocks['Stream'].assert_called_once_with(int(device[5:] or 0))

    def test_error_reaches_the_reader(self):
        def source():
            yield np.zeros(1, 'float32')
            raise OSError('disk gone')

        batches = prefetch(source(), 'cpu')
        next(batches)
        with self.assertRaisesRegex(OSError, 'disk gone'):
            next(batches)


@unittest.skipUnless(torch, 'PyTorch is not installed')
class DeviceArrayTest(unittest.TestCase):
    def test_like_an_array(self):
        array = np.random.RandomState(1).rand(6, 1, 2).astype('float32')
        for device in DEVICES:
            placed = DeviceArray(array, device)
            self.assertEqual((len(placed), placed.shape), (6, (6, 1, 2)))
            for index in [2, slice(1, 4), [5, 0, 5], np.array([3, 1])]:
                part = placed[index]
                self.assertEqual(part.device.type, device)
                np.testing.assert_array_equal(part.cpu(), array[index])

    def test_functions_take_its_minibatches(self):
        x = T.fmatrix()
        array = np.arange(12, dtype='float32').reshape(6, 2)
        for device in DEVICES:
            mode = TorchMode(
                TorchLinker(device, resident=True),
                torch_mode('cpu').provided_optimizer,
            )
            function = theano.function([x], 2 * x, mode=mode)
            part = DeviceArray(array, device)[[4, 1]]
            np.testing.assert_array_equal(function(part), 2 * array[[4, 1]])
            with self.assertRaises(TypeError):
                function(part[0])
