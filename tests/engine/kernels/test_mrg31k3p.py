import unittest
from unittest import mock

import numpy as np

from tests.engine.compare import torch

if torch:
    from kneerepro.engine.kernels import mrg31k3p
    from kneerepro.engine.kernels.mrg31k3p import M1, M2


def drawn_one_by_one(state, count):
    """The samples and the state afterwards, from the definition."""
    state, samples = [[int(x) for x in row] for row in state], []
    for i in range(count):
        row = state[i % len(state)]
        x11, x12, x13, x21, x22, x23 = row
        new1 = (2**22 * x12 + (2**7 + 1) * x13) % M1
        new2 = (2**15 * x21 + (2**15 + 1) * x23) % M2
        row[:] = new1, x11, x12, new2, x21, x22
        samples.append(new1 - new2 if new1 > new2 else new1 - new2 + M1)
    return state, samples


@unittest.skipUnless(torch, 'PyTorch is not installed')
class DrawTest(unittest.TestCase):
    def states(self, streams):
        """Random states, some of whose numbers are at the limits."""
        rng = np.random.RandomState(0)
        state = np.stack(
            [rng.randint(m, size=streams) for m in 3 * [M1] + 3 * [M2]], 1
        )
        limits = [0, 1, M2 - 1]
        state[: len(limits)] = np.array(limits)[:streams, None]
        state[3:7, :3] = M1 - 1
        return state.astype('int32')

    def check(self, streams, count):
        state = self.states(streams)
        expected = drawn_one_by_one(state, count)
        samples = np.zeros(count, np.int32)
        mrg31k3p.draw(state, samples)
        self.assertEqual(state.tolist(), expected[0])
        self.assertEqual(samples.tolist(), expected[1])

    def test_streams_in_turn(self):
        for count in 0, 1, 59, 60, 61, 300, 310:
            with self.subTest(count):
                self.check(60, count)

    def test_in_blocks(self):
        with mock.patch.object(mrg31k3p, '_BLOCK', 8):
            for streams in 1, 7, 8, 9, 20:
                for count in 0, 1, 8, 17, 60, 63:
                    with self.subTest(streams=streams, count=count):
                        self.check(streams, count)

    def test_equal_recursions(self):
        # The sample is never 0.
        sample = np.zeros(1, np.int32)
        mrg31k3p.draw(np.zeros((1, 6), 'int32'), sample)
        self.assertEqual(sample.tolist(), [M1])
