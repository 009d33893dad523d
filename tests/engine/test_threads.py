import ctypes
import unittest
from unittest import mock

from tests.engine.compare import torch

if torch:
    from kneerepro.engine import threads

SOURCE = """
#include <sched.h>
#include <time.h>
extern "C" void count(int64_t units, int threads, int32_t *calls,
                      int32_t *visits) {
    divide(units, threads, [=](int64_t begin, int64_t end) {
        __atomic_fetch_add(calls, 1, __ATOMIC_RELAXED);
        for (int64_t i = begin; i < end; ++i)
            __atomic_fetch_add(visits + i, 1, __ATOMIC_RELAXED);
    });
}
// Whether the first unit sees all others done, which it waits for.
extern "C" int wait_for_others(int64_t units, int threads) {
    int64_t others = 0;
    int seen = 0;
    const time_t end = time(0) + 20;
    divide(units, threads, [&](int64_t begin, int64_t end_) {
        for (int64_t i = begin; i < end_; ++i) {
            if (i) {
                __atomic_fetch_add(&others, 1, __ATOMIC_SEQ_CST);
                continue;
            }
            while (!seen && time(0) < end) {
                seen = __atomic_load_n(&others, __ATOMIC_SEQ_CST) == units - 1;
                sched_yield();
            }
        }
    });
    return seen;
}
"""


@unittest.skipUnless(torch, 'PyTorch is not installed')
class ThreadsTest(unittest.TestCase):
    def setUp(self):
        if not threads.are_available():
            self.skipTest('there is no compiler')

    def test_each_unit_is_visited_once(self):
        library = threads.load_threaded(SOURCE)
        for units in 0, 1, 2, 3, 10:
            for count in 1, 2, 3, 7:
                calls = ctypes.c_int32()
                visits = (ctypes.c_int32 * 10)()
                library.count(
                    ctypes.c_int64(units), count, ctypes.byref(calls), visits
                )
                self.assertEqual(
                    list(visits), [1] * units + [0] * (10 - units)
                )
                # Each share is in four pieces.
                pieces = 1 if count == 1 else 4 * count
                self.assertLessEqual(calls.value, max(1, min(units, pieces)))

    def test_threads_take_over_from_others(self):
        library = threads.load_threaded(SOURCE)
        for count in 2, 3:
            self.assertTrue(library.wait_for_others(ctypes.c_int64(12), count))

    def test_it_is_the_library_of_pytorch(self):
        number = torch.get_num_threads()
        self.addCleanup(torch.set_num_threads, number)
        torch.set_num_threads(3)
        folder = threads.Path(torch.__file__).parent / 'lib'
        library = ctypes.CDLL(str(next(folder.glob('libtorch_cpu.*'))))
        self.assertEqual(library.omp_get_max_threads(), 3)

    def test_without_the_library(self):
        with mock.patch.object(threads, '_openmp', return_value=None):
            self.assertFalse(threads.are_available())
            self.assertIsNone(threads.load_threaded(SOURCE))
