import unittest

import numpy as np

from tests.engine.compare import torch
from tests.engine.native.common import NEEDS_COMPILER

if torch:
    from kneerepro.engine.kernels import mrg31k3p
    from kneerepro.engine.kernels import random as kernels
    from kneerepro.engine.kernels.mrg31k3p import M1, M2
    from kneerepro.engine.kernels.mrg_code import compiled_draw


@NEEDS_COMPILER
class CompiledDrawTest(unittest.TestCase):
    def state(self, streams):
        rng = np.random.RandomState(0)
        state = np.stack(
            [rng.randint(m, size=streams) for m in 3 * [M1] + 3 * [M2]], 1
        )
        # Some numbers are at the limits.
        for k, limit in enumerate([0, 1, M2 - 1]):
            state[k : k + 1] = limit
        state[3:4, :3] = M1 - 1
        return state.astype('int32')

    def test_is_the_same_to_the_bit_as_numpy(self):
        for streams, count in [
            (1, 10),
            (5, 3),
            (7, 20),
            (64, 64),
            (65, 1000),
            (200, 150),
            (200, 601),
            (3, 0),
        ]:
            for dtype in 'float32', 'float64':
                state = self.state(streams)
                expected_state = state.copy()
                numbers = np.empty(count, 'int32')
                mrg31k3p.draw(expected_state, numbers)
                expected = kernels._scaled(
                    torch.from_numpy(numbers), getattr(torch, dtype)
                ).numpy()
                new_state = np.empty_like(state)
                samples = np.empty(count, dtype)
                compiled_draw(dtype)(
                    state.ctypes.data,
                    new_state.ctypes.data,
                    samples.ctypes.data,
                    streams,
                    count,
                )
                np.testing.assert_array_equal(samples, expected)
                np.testing.assert_array_equal(new_state, expected_state)

    def test_other_types_are_left_to_numpy(self):
        self.assertIsNone(compiled_draw('float16'))

    def test_kernels_change_to_it_without_a_trace(self):
        state = torch.from_numpy(self.state(10))
        drawn = kernels._Draw._drawn
        self.addCleanup(setattr, kernels._Draw, '_drawn', drawn)
        results = []
        for start in 0, kernels._NUMBERS:
            kernels._Draw._drawn = start
            results.append(kernels._Draw('float32')(state, 1000))
        for value, other in zip(*results):
            np.testing.assert_array_equal(value.numpy(), other.numpy())
