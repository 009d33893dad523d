"""The state of recorded functions: what they read, overwrite and return."""

import gc
import weakref

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam, momentum
from theano.sandbox.rng_mrg import MRG_RandomStreams

from tests.engine.compare import torch, torch_mode, values
from tests.engine.replaying import OnCuda, ReplayTest, ones
from tests.engine.test_linker import shared

if torch:
    from tests.engine.fake_cuda_graphs import (
        FakeCudaGraphs,
        ForgetfulCudaGraphs,
        recording_modes,
    )


class StateTest(ReplayTest):
    def test_exchange(self):
        def run(mode):
            a, b, c = shared(3), shared(3), shared(2, 3)
            b.set_value(np.float32([7, 8, 9]))
            f = theano.function(
                [],
                [a * 1, b.sum(), a, c],
                mode=mode,
                updates=[(a, b), (b, a), (c, T.stack([b, a]))],
            )
            results = [result for _ in range(4) for result in f()]
            return results + [variable.get_value() for variable in (a, b, c)]

        self.assert_same_run(run)

    def test_views_of_what_is_overwritten(self):
        def run(mode):
            a, b = shared(4), shared(2, 2)
            f = theano.function(
                [],
                [a[1:], b.T, a, b],
                mode=mode,
                updates=[(a, a[::-1]), (b, a.reshape((2, 2)).T)],
            )
            results = [result for _ in range(4) for result in f()]
            return results + [a.get_value(), b.get_value()]

        self.assert_same_run(run)

    def test_new_value_for_several(self):
        def run(mode):
            x, a, b, c = T.vector(), shared(3), shared(3), shared(3)
            new = a * x
            f = theano.function(
                [x],
                [new, new + 1],
                mode=mode,
                updates=[(a, new), (b, new), (c, x)],
            )
            results = [
                result for i in range(4) for result in f(np.float32([i, 2, 3]))
            ]
            return results + [variable.get_value() for variable in (a, b, c)]

        self.assert_same_run(run)

    def test_values_stay_in_place(self):
        x, a, b, c = T.vector(), shared(3), shared(3), shared(3)
        f, _ = self.recorded([x], [], updates=[(a, x), (b, x), (c, a)])
        f(ones(3))
        before = [
            variable.container.storage[0].tensor for variable in (a, b, c)
        ]
        f(2 * ones(3))
        for variable, tensor, value in zip((a, b, c), before, (2, 2, 1)):
            self.assertIs(variable.container.storage[0].tensor, tensor)
            np.testing.assert_array_equal(
                variable.get_value(), value * ones(3)
            )

    def test_unchanged(self):
        def run(mode):
            a, b = shared(3), shared(3)
            f = theano.function(
                [], [a, b + 1], mode=mode, updates=[(a, a), (b, a * 1)]
            )
            return [result for _ in range(3) for result in f()] + [
                a.get_value(),
                b.get_value(),
            ]

        self.assert_same_run(run)

    def test_in_place(self):
        # Adam overwrites parameters, which are outputs as well.
        def run(mode):
            w, x = shared(3, 4), T.matrix()
            new = adam(T.exp(T.dot(x, w) / 10).sum(), [w])
            f = theano.function([x], [new[w], w.sum()], mode=mode, updates=new)
            results = [
                result
                for i in range(4)
                for result in f(np.full((2, 3), i, 'float32'))
            ]
            return results + [
                variable.get_value() for variable in f.get_shared()
            ]

        self.assert_same_run(run)

    def test_counters_and_rates(self):
        def run(mode):
            x, w, count = T.vector(), shared(3), theano.shared(0)
            rate, decay = theano.shared(np.float32(0.5)), T.scalar()
            f = theano.function(
                [x, decay],
                [count, rate, w.sum()],
                mode=mode,
                updates=[
                    (w, w - rate * x),
                    (rate, rate * decay),
                    (count, count + 1),
                ],
            )
            results = [
                result
                for i in range(4)
                for result in f(np.float32([i, 1, 2]), 0.9 - i / 10)
            ]
            return results + [
                variable.get_value() for variable in (w, count, rate)
            ]

        self.assert_same_run(run)

    def test_inputs_that_are_updated(self):
        def run(mode):
            x, total = T.vector(), T.vector('total')
            f = theano.function(
                [
                    x,
                    theano.In(
                        total, value=np.float32([0, 0]), update=total + x
                    ),
                ],
                total * 2,
                mode=mode,
            )
            data = np.float32([1, 2])
            return [
                f(data),
                f(data),
                f(data, total=data * 10),
                f(data),
                f(data),
                np.asarray(f['total']),
            ]

        self.assert_same_run(run)

    def test_values_set_between_calls(self):
        def run(mode):
            s, x = shared(2, 3), T.matrix()
            f = theano.function([x], s.sum(), updates=[(s, s + x)], mode=mode)
            results = []
            for value in (
                np.full((2, 3), 5, 'float32'),
                torch.full((2, 3), 6.0),
                np.full((4, 1), 7, 'float32'),
                np.full((2, 3), 8, 'float32'),
            ):
                x_ = ones(*value.shape)
                s.set_value(value)
                results += [f(x_), f(x_), s.get_value(), f(x_), f(x_)]
                s.get_value(borrow=True)[0] = 50
                results += [f(x_), s.get_value()]
                s.set_value(value, borrow=True)
                results += [f(x_), f(x_), f(x_)]
            return results

        self.assert_same_run(run)

    def test_tensors_of_others_are_not_written_to(self):
        for calls in 0, 1:
            s = shared(3)
            f, graphs = self.recorded([], s.sum(), calls, updates=[(s, s + 1)])
            g, _ = self.recorded([], s * 2, calls)
            for _ in range(2):
                tensor = torch.ones(3)
                s.set_value(tensor, borrow=True)
                self.assertEqual([f(), f(), g().sum(), f()], [3, 6, 18, 9])
                np.testing.assert_array_equal(tensor, [1, 1, 1])
            self.assertEqual(graphs.recorded, 1)

    def test_shapes_that_grow(self):
        def run(mode):
            s, x = shared(1), T.vector()
            f = theano.function(
                [x], s.sum(), mode=mode, updates=[(s, T.concatenate([s, x]))]
            )
            return [f(np.float32([i])) for i in range(5)] + [s.get_value()]

        self.assert_same_run(run, calls=[0], captured=False)


class CoherenceTest(ReplayTest):
    """Functions that share variables."""

    def test_functions_that_take_turns(self):
        def run(mode):
            a, b, x = shared(3), shared(3), T.vector()
            step_a = theano.function(
                [x], (a * b).sum(), mode=mode, updates=[(a, a + b * x)]
            )
            step_b = theano.function(
                [x],
                (a - b).sum(),
                mode=mode,
                updates=momentum(T.sqr(a - b * x).sum(), [b], 0.01),
            )
            look = theano.function([], [a, b, a + b], mode=mode)
            results = []
            for i in range(6):
                results.append(step_a(np.float32([1, 0, -1])))
                if i % 2:
                    results += [step_b(np.float32([2, 1, i])), *look()]
                if i == 4:
                    b.set_value(a.get_value() / 2)
            return results + [a.get_value(), b.get_value()]

        self.assert_same_run(run)

    def test_only_one_is_recorded(self):
        def run(mode):
            s, x = shared(4), T.vector()
            step = theano.function(
                [x], s.sum(), mode=mode, updates=[(s, s + x)]
            )
            # The number of elements depends on values, so this function
            # cannot be recorded.
            halve = theano.function(
                [], s[T.nonzero(s > 3)], mode=mode, updates=[(s, s / 2)]
            )
            return [
                result
                for _ in range(4)
                for result in (step(np.float32([0, 1, 2, 3])), halve())
            ]

        self.assert_same_run(run)

    def test_one_static_buffer_for_all_functions(self):
        # The functions do not copy values back and forth, whatever happens in
        # between.
        s, x = shared(3), T.vector()
        f, _ = self.recorded([x], s.sum(), updates=[(s, s + x)])
        f(ones(3))
        s.set_value(np.zeros(3, 'float32'))
        g, _ = self.recorded([], s * 2, updates=[(s, s * 2)])
        g()
        tensor = s.container.storage[0].tensor
        for _ in range(2):
            f(ones(3))
            self.assertIs(s.container.storage[0].tensor, tensor)
            g()
            self.assertIs(s.container.storage[0].tensor, tensor)
        np.testing.assert_array_equal(s.get_value(), [6, 6, 6])

    def test_with_functions_of_other_modes(self):
        s = shared(3)
        f, _ = self.recorded([], s.sum(), updates=[(s, s + 1)])
        g = theano.function(
            [], s.sum(), updates=[(s, s * 2)], mode=torch_mode('cpu')
        )
        self.assertEqual([f(), f(), g(), g(), f(), f()], [3, 6, 9, 18, 36, 39])

    def test_copies_go_on_alone(self):
        s = shared(3, name='s')
        f, _ = self.recorded([], [s.sum()], updates=[(s, s + 1)])
        other = theano.shared(np.float32([5, 5, 5]))
        f()
        g = f.copy(swap={s: other})
        self.assertEqual([g(), f(), g(), f()], [[15], [6], [18], [9]])


class MemoryTest(ReplayTest):
    def test_tensors_that_are_read_are_kept(self):
        x, n, rate = T.matrix(), T.lscalar(), T.scalar()
        w, state = shared(4), shared(4)
        stream = MRG_RandomStreams(1)
        table = T.constant(values('float32', 20))
        drawn = stream.uniform((2, 4))
        for outputs in (
            # Numbers that follow from shapes and are sent to the device.
            T.as_tensor_variable([x.shape[0], n]) * 2,
            T.cast(x.shape, 'float32') * x.sum(),
            x.sum() / x.shape[0],
            [x * rate, table[:4] * x, x[:n], drawn * x, w + state],
        ):
            for k in range(2):
                graphs = ForgetfulCudaGraphs()
                mode = recording_modes(graphs)[k]
                f = theano.function(
                    [x, n, rate],
                    outputs,
                    mode=mode,
                    on_unused_input='ignore',
                    updates=[
                        (w, T.cast(w - rate * x.sum(0) / x.shape[0], w.dtype)),
                        (state, T.cast(x.shape[1] * x[0], w.dtype)),
                    ],
                )
                f(ones(2, 4), 1, 2)
                gc.collect()
                self.assertEqual(f.fn.program.recordings, 1)
                self.assertGreater(len(graphs.read), 3)
                self.assertEqual(
                    [
                        reference
                        for reference in graphs.read
                        if reference() is None
                    ],
                    [],
                )

    def test_state_is_not_held_twice(self):
        test = self

        class Watching(FakeCudaGraphs):
            def record(self, function):
                gc.collect()
                test.assertEqual(
                    [reference() for reference in old], [None, None]
                )
                return super().record(function)

        graphs, old = Watching(1), []
        a, b = shared(3), shared(4)
        f = theano.function(
            [],
            a.sum() + b.sum(),
            updates=[(a, a + 1), (b, b + 1)],
            mode=recording_modes(graphs)[0],
        )
        f()
        old += [
            weakref.ref(variable.container.storage[0].tensor)
            for variable in (a, b)
        ]
        self.assertEqual(f(), 16)
        self.assertEqual(
            (f.fn.program.not_captured, graphs.recorded), (None, 1)
        )


class CudaStateTest(OnCuda, StateTest):
    pass


class CudaCoherenceTest(OnCuda, CoherenceTest):
    pass
