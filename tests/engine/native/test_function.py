from unittest import mock

import numpy as np
import theano
import theano.tensor as T

from tests.engine.compare import torch, values
from tests.engine.native.common import NativeTest

if torch:
    from kneerepro.engine.native import function as native


class FunctionTest(NativeTest):
    def test_is_compiled_after_some_calls_with_the_same_shapes(self):
        x = T.vector()
        short, long = np.zeros(4, 'float32'), np.zeros(5, 'float32')
        with mock.patch.object(native, 'CALLS', 3):
            f = self.function([x], x + 1)
            for value, expected in [
                (short, 0),
                (long, 0),
                (short, 0),
                (long, 0),
                (short, 1),
                (short, 1),
                (long, 2),
            ]:
                f(value)
                self.assertEqual(self.versions(f), expected)

    def test_other_shapes_types_and_orders_of_memory(self):
        x = T.matrix()
        f = self.function([x], x * 2)
        a = values('float32', 3, 4)
        for value in (
            a,
            a[:2],
            np.asfortranarray(a),
            a[::-1],
            a[:, ::2],
            np.repeat(a, 2, 1)[:, ::2],
            a.astype('>f4').astype('f4'),
            np.float32(np.zeros((0, 4))),
            np.broadcast_to(a[:1], (3, 4)),
        ):
            for _ in range(2):
                np.testing.assert_array_equal(f(value), value * 2)
        self.assertEqual(self.versions(f), native.MAX_VERSIONS)

    def test_unusual_arrays_with_trusted_input(self):
        x = T.vector()
        f = self.function([x], x * 2)
        f.trust_input = True
        good = np.float32([1, 2])
        for _ in range(2):
            f(good)
        self.assertEqual(self.versions(f), 1)
        unaligned = np.frombuffer(b'\0' + good.tobytes(), 'u1')[1:].view('f4')

        class Own(np.ndarray):
            pass

        for value in good.astype('>f4'), unaligned, good.view(Own):
            try:
                found = f(value)
            except Exception:
                continue  # PyTorch refuses it
            np.testing.assert_array_equal(np.asarray(found), [2, 4])

    def test_updates(self):
        state = theano.shared(np.float32([1, 2]), borrow=True)
        count = theano.shared(0)
        f = self.function(
            [],
            [state * 2, state],
            updates=[(state, -state), (count, count + 1)],
        )
        for k in range(4):
            doubled, before = f()
            sign = (-1) ** k
            self.assertEqual(doubled.tolist(), [2 * sign, 4 * sign])
            self.assertEqual(before.tolist(), [sign, 2 * sign])
            before[:] = 7
            self.assertEqual(state.get_value().tolist(), [-sign, -2 * sign])
        self.assertEqual(count.get_value(), 4)
        self.assertEqual(self.versions(f), 1)
        state.set_value(np.float32([5]))
        self.assertEqual(f()[0].tolist(), [10])

    def test_memory_of_large_states_is_used_again(self):
        state = theano.shared(np.zeros((3, 4), 'float32'))
        with mock.patch.object(native, '_RECYCLED_BYTES', 1):
            f = self.function([], state.sum(), updates=[(state, state + 1)])
            f()
        addresses, kept = [], []
        for k in range(1, 11):
            self.assertEqual(f(), 12 * k)
            addresses.append(state.get_value(borrow=True).ctypes.data)
            if k in (5, 6):
                # These stay what they are.
                kept.append(state.get_value(borrow=True)[1:, :2])
        self.assertEqual(self.versions(f), 1)
        self.assertEqual(addresses[2:5], addresses[:3])
        self.assertEqual(len(set(addresses)), 4)
        for k, value in zip((6, 7), kept):
            np.testing.assert_array_equal(value, np.full((2, 2), k))
        # A value from elsewhere is never written into.
        own = np.zeros((3, 4), 'float32')
        state.set_value(own, borrow=True)
        for _ in range(4):
            f()
        np.testing.assert_array_equal(own, 0)

    def test_known_outputs_are_copies(self):
        x = T.vector()
        f = self.function([x], [x + 1, x.shape, T.constant([1.0, 2.0])])
        for _ in range(3):
            _, shape, constant = f([1, 2, 3])
            self.assertEqual(shape.tolist(), [3])
            self.assertEqual(constant.tolist(), [1, 2])
            shape[...] = constant[...] = 0

    def test_profiled_functions_stay_on_pytorch(self):
        x = T.vector()
        f = self.function([x], x + 1, profile=True)
        f([1])
        self.assertEqual(self.versions(f), 0)

    def test_without_a_compiler(self):
        x = T.vector()
        with mock.patch.object(native, 'compiler', return_value=None):
            f = self.function([x], x + 1)
            for _ in range(3):
                self.assertEqual(f([1]).tolist(), [2])
        self.assertEqual(self.versions(f), 0)

    def test_copies_share_variables(self):
        x, state = T.vector(), theano.shared(np.float32([1]))
        f = self.function([x], [x + state], updates={state: state + 1})
        copy = f.copy(share_memory=False)
        for k in range(3):
            # Both have the same shared variable.
            self.assertEqual(f([1])[0].tolist(), [2 + 2 * k])
            self.assertEqual(copy([1])[0].tolist(), [3 + 2 * k])
