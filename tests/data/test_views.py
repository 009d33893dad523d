import h5py
import numpy as np

from kneerepro.data.views import View
from tests.folders import FolderTest

VOLUMES = np.random.RandomState(1).rand(5, 1, 3, 4, 2).astype('float32')
IMAGES = VOLUMES[:, 0].reshape(15, 1, 4, 2)
PATIENT = np.array(list('ABBCA'))
CERTAIN = np.array([True, True, False, True, True])

INDICES = [
    0,
    -1,
    np.int64(3),
    slice(None),
    slice(1, 4),
    slice(None, None, -2),
    slice(2, 2),
    [3, 0, 3],
    np.array([4, 1]),
    np.array([], int),
]


class ViewTest(FolderTest):
    def setUp(self):
        super().setUp()
        file = h5py.File(self.path('v.h5'), 'w')
        self.addCleanup(file.close)
        file['v'] = VOLUMES
        self.stored = file['v']

    def views(self):
        """Every way to hold a view, with the array that it stands for."""
        for images, expected in (False, VOLUMES), (True, IMAGES):
            for volumes in self.stored, VOLUMES:
                view = View(volumes, PATIENT, CERTAIN, images)
                yield view, expected
                yield view.load(), expected
                chosen = [4, 2, 0, 4]
                yield view.take(chosen), expected[chosen]
                yield view.take(chosen).load(), expected[chosen]
                yield view.load().take(chosen), expected[chosen]
                yield view.take(slice(1, 5)).take([0, 3]), expected[[1, 4]]

    def test_volume_of_each_example(self):
        for images, per_volume in (False, 1), (True, 3):
            whole = np.repeat(np.arange(5), per_volume)
            view = View(self.stored, PATIENT, CERTAIN, images)
            chosen = [4, 2, 0, 4]
            for examples, expected in [
                (view, whole),
                (view.load(), whole),
                (view.take(chosen), whole[chosen]),
                (view.take(chosen).load(), whole[chosen]),
                (view.load().take(chosen), whole[chosen]),
            ]:
                np.testing.assert_array_equal(examples.volume, expected)

    def test_mean(self):
        for view, expected in self.views():
            self.assertAlmostEqual(
                view.mean(), expected.mean(dtype='float64'), places=12
            )

    def test_as_the_array(self):
        for view, expected in self.views():
            self.assertEqual(view.shape, expected.shape)
            self.assertEqual(view.ndim, expected.ndim)
            self.assertEqual(view.dtype, expected.dtype)
            self.assertEqual(len(view), len(expected))
            np.testing.assert_array_equal(np.asarray(view), expected)
            mask = np.arange(len(expected)) % 3 == 0
            for index in INDICES + [mask]:
                try:
                    wanted = expected[index]
                except IndexError:
                    with self.assertRaises(IndexError):
                        view[index]
                    continue
                found = view[index]
                self.assertEqual(found.dtype, 'float32')
                self.assertEqual(found.shape, wanted.shape)
                np.testing.assert_array_equal(found, wanted)

    def test_out_of_range(self):
        for view, expected in self.views():
            for index in len(expected), -len(expected) - 1, [0, 99]:
                with self.assertRaises(IndexError):
                    view[index]

    def test_iterates(self):
        for view, expected in self.views():
            self.assertEqual(sum(1 for _ in view), len(expected))

    def test_patient_and_certain(self):
        volumes = View(self.stored, PATIENT, CERTAIN)
        images = View(self.stored, PATIENT, CERTAIN, images=True)
        self.assertEqual(list(volumes.patient), list('ABBCA'))
        self.assertEqual(''.join(images.patient), 'AAABBBBBBCCCAAA')
        self.assertEqual(list(images.take([14, 3]).patient), ['A', 'B'])
        self.assertEqual(list(images.take([14, 3]).load().patient), ['A', 'B'])
        self.assertEqual(list(volumes.take([2, 3]).certain), [False, True])
        self.assertEqual(
            list(images.take([5, 6, 9]).certain), [True, False, True]
        )

    def test_no_second_copy(self):
        for images in False, True:
            loaded = View(self.stored, PATIENT, CERTAIN, images).load()
            self.assertTrue(np.shares_memory(loaded[:], loaded[1:3]))
        shared = View(VOLUMES, PATIENT, CERTAIN, images=True)
        self.assertTrue(np.shares_memory(shared[:], VOLUMES))
        self.assertTrue(np.shares_memory(shared[4], VOLUMES))

    def test_take_reads_nothing(self):
        class Untouchable:
            shape = VOLUMES.shape

            def __getitem__(self, index):
                raise AssertionError('read')

        view = View(Untouchable(), PATIENT, CERTAIN, images=True)
        self.assertEqual(view.take([3, 1]).shape, (2, 1, 4, 2))
        with self.assertRaisesRegex(AssertionError, 'read'):
            view[0]
