"""Functions that are recorded and replayed.

On CUDA, recordings are CUDA graphs. The tests replace these by fakes that do
the same to the same tensors. All other code is what runs on CUDA. This covers
the modules replay, recording and split.
"""

import contextlib
import gc
import io
import weakref

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam, momentum
from theano.ifelse import ifelse
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams

from tests.engine import test_containers
from tests.engine.compare import EngineTest, torch, torch_mode, values
from tests.engine.test_linker import Unknown, shared

if torch:
    from kneerepro.engine import dispatch, replay
    from kneerepro.engine.cuda_graphs import CudaGraphs
    from kneerepro.engine.dispatch import register
    from tests.engine.fake_cuda_graphs import (
        FakeCudaGraphs,
        ForgetfulCudaGraphs,
        recording_modes,
    )
    from tests.engine.meta_device import device_part


def ones(*shape):
    return np.ones(shape, 'float32')


class Replayed:
    """Makes a test use recordings from the first call on."""

    device = 'cpu'

    def modes(self):
        return recording_modes(FakeCudaGraphs())


class SharedVariableTest(Replayed, test_containers.SharedVariableTest):
    pass


class ArgumentsTest(Replayed, test_containers.ArgumentsTest):
    pass


class ResultsTest(Replayed, test_containers.ResultsTest):
    def test_memory_is_not_shared(self):
        # Here a borrowed array is the memory that a recording writes to. On
        # CUDA it is not.
        x, y, s = T.matrix('x'), T.vector('y'), shared(3, 4)
        constant = T.constant(values('float32', 3, 4))
        outputs = [
            x,
            x.T,
            x[1:],
            s,
            s.T,
            s[0],
            constant,
            constant.T,
            y,
            x * 2,
            (x * 2).T,
            T.alloc(y, 3, 4),
            *T.split(x, [1, 2], 2),
            T.fill(x, x),
        ]
        for mode in self.modes():
            f = theano.function(
                [x, y], outputs, mode=mode, updates=[(s, s.reshape((4, 3)).T)]
            )
            arguments = values('float32', 3, 4), values('float32', 4)
            results = [*f(*arguments), *f(*arguments)]
            arrays = [
                *arguments,
                constant.data,
                s.get_value(borrow=True),
                *results,
            ]
            for i, array in enumerate(arrays):
                for other in arrays[:i]:
                    self.assertFalse(np.may_share_memory(array, other))


class CopyTest(Replayed, test_containers.CopyTest):
    pass


class ErrorsTest(Replayed, test_containers.ErrorsTest):
    pass


class StorageTest(Replayed, test_containers.StorageTest):
    pass


class ReplayTest(EngineTest):
    """Compares runs with and without recordings, bit for bit."""

    def assert_same_run(self, run, calls=(0, 1, 2), captured=True):
        """`run`, called with each mode, returns the same arrays.

        Its functions are recorded after each of these numbers of calls."""
        for k in range(2):
            plain = recording_modes(None)[k]
            expected = run(plain)
            for count in calls:
                graphs = FakeCudaGraphs(count)
                self.assert_identical(
                    run(recording_modes(graphs)[k]), expected
                )
                self.assertEqual(graphs.replayed > 0, captured)

    def assert_identical(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            a, b = np.asarray(a), np.asarray(b)
            self.assertEqual(
                (a.dtype, a.shape, a.tobytes()),
                (b.dtype, b.shape, b.tobytes()),
            )

    def recorded(self, inputs, outputs, calls=0, **kwargs):
        """A function, and the fake that records it."""
        graphs = FakeCudaGraphs(calls)
        return theano.function(
            inputs,
            outputs,
            mode=recording_modes(graphs)[0],
            on_unused_input='ignore',
            **kwargs,
        ), graphs


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


class SignaturesTest(ReplayTest):
    def test_another_size(self):
        # The last minibatch of an epoch is smaller.
        def run(mode):
            w, x = shared(3, 2), T.matrix()
            f = theano.function(
                [x],
                T.dot(x, w).mean(0),
                mode=mode,
                updates=[(w, w - x.sum(0)[:, None])],
            )
            return [f(values_[:n]) for n in (4, 4, 2, 4, 2, 2, 4, 1, 0)]

        values_ = values('float32', 4, 3)
        self.assert_same_run(run)

    def test_number_of_recordings_is_limited(self):
        x = T.vector()
        f, graphs = self.recorded([x], x * 2, calls=1)
        for _ in range(3):
            for n in range(1, replay.MAX_RECORDINGS + 4):
                np.testing.assert_array_equal(f(ones(n)), [2] * n)
        self.assertEqual(graphs.recorded, replay.MAX_RECORDINGS)
        self.assertEqual(f.fn.program.recordings, replay.MAX_RECORDINGS)
        self.assertIsNone(f.fn.program.not_captured)

    def test_shapes_without_recordings_are_forgotten(self):
        x = T.vector()
        f, _ = self.recorded([x], x * 2, calls=1)
        data = ones(1000)
        for _ in range(3):
            f(data[:5])
        for n in range(600):
            f(data[:n])
        replayer = f.fn.call
        self.assertLess(len(replayer._signatures), 300)
        self.assertIn(((5,),), replayer._signatures)

    def test_numbers_that_kernels_take(self):
        # They are part of a recording. If they change, another one is made.
        def run(mode):
            x, start = T.vector(), T.lscalar()
            count = theano.shared(0)
            f = theano.function(
                [x, start],
                [x[start:] * 2, x[count % 2]],
                mode=mode,
                updates=[(count, count + 1)],
            )
            data = np.arange(5, dtype='float32')
            return [
                result
                for i in (0, 1, 1, 0, 0, 1, 1, 2)
                for result in f(data, i)
            ]

        self.assert_same_run(run, calls=[0, 1])

    def test_ifelse_on_the_host(self):
        def run(mode):
            x, which = T.vector(), T.iscalar()
            f = theano.function(
                [x, which],
                ifelse(
                    T.gt(which, 0), T.exp(x) + x[: x.shape[0] - 1].sum(), x * 2
                ),
                mode=mode,
            )
            data = np.float32([1, 2, 3])
            return [f(data, i) for i in (0, 1, 1, 0, 0, 1)]

        self.assert_same_run(run)

    def test_shapes_of_what_is_computed(self):
        def run(mode):
            x = T.matrix()
            sorted_ = T.sort(x.reshape((-1,)))
            f = theano.function(
                [x],
                [
                    sorted_ / sorted_.shape[0],
                    T.zeros_like(sorted_[::2]),
                    x.mean(),
                    T.dot(x, x.T).var(1),
                ],
                mode=mode,
            )
            return [
                result for n in (2, 2, 3, 2) for result in f(ones(n, 2) * n)
            ]

        self.assert_same_run(run)

    def test_types_and_layouts(self):
        def run(mode):
            results = []
            for dtype in (
                'float64',
                'float32',
                'int32',
                'uint8',
                'bool',
                'int64',
                'uint16',
                'float16',
            ):
                x = T.TensorType(dtype, (False, False))()
                s = theano.shared(data.astype(dtype))
                f = theano.function([x], [x.T, s], mode=mode, updates=[(s, x)])
                for array in data, data[::-1], data.T[:3, :4].T[:3], data * 0:
                    results += f(array[:3, :3].astype(dtype)[::-1])
                results.append(s.get_value())
            return results

        data = values('float32', 3, 3, low=0)
        self.assert_same_run(run)

    def test_empty_tensors(self):
        def run(mode):
            x, s = T.matrix(), theano.shared(np.zeros((0, 3), 'float32'))
            f = theano.function(
                [x],
                [x * 2, s.sum(0), T.dot(x, s.T)],
                mode=mode,
                updates=[(s, s + 1)],
            )
            return [
                result for n in (0, 2, 0, 0, 2) for result in f(ones(n, 3))
            ]

        self.assert_same_run(run)

    def test_constants(self):
        def run(mode):
            x = T.vector()
            f = theano.function(
                [x],
                [
                    T.constant(np.float32([1, 2])),
                    T.constant(3),
                    x.shape[0],
                    x + T.constant(values_),
                    x,
                ],
                mode=mode,
            )
            results = []
            for _ in range(3):
                found = f(ones(20))
                results += [array.copy() for array in found]
                for array in found:
                    array[...] = 100
            return results

        values_ = values('float32', 20)
        self.assert_same_run(run)

    def test_tensors_as_arguments(self):
        x = T.matrix()
        f, graphs = self.recorded([x], x.sum(0))
        for argument in (
            ones(2, 3),
            torch.ones(2, 3) * 2,
            torch.ones(3, 2).T * 3,
            torch.ones(1, 3).expand(2, 3) * 4,
            ones(2, 3) * 5,
        ):
            expected = np.asarray(argument).sum(0)
            np.testing.assert_array_equal(f(argument), expected)
        self.assertEqual(graphs.recorded, 1)

    def test_no_argument(self):
        x = T.vector()
        f, _ = self.recorded([x], x * 2)
        f(ones(2))
        with self.assertRaises(TypeError):
            f(None)
        np.testing.assert_array_equal(f(ones(2)), [2, 2])

    def test_freed(self):
        s, x = shared(3), T.vector()
        f, _ = self.recorded([x], s * x, updates=[(s, s + x)])
        f(ones(3))
        f(ones(3))
        gone = weakref.ref(f.fn.program)
        del f
        gc.collect()
        self.assertIsNone(gone())


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


class RandomTest(ReplayTest):
    def test_same_numbers(self):
        def run(mode):
            x = T.matrix()
            first, second = MRG_RandomStreams(1), RandomStreams(2)
            f = theano.function(
                [x],
                [
                    first.uniform(x.shape),
                    first.normal((3, 2)),
                    x * second.binomial(x.shape, p=0.5, dtype='float32'),
                ],
                mode=mode,
            )
            g = theano.function([], first.uniform((2,)), mode=mode)
            return [
                result
                for n in (2, 2, 2, 5, 2)
                for result in (*f(ones(n, 3)), g())
            ]

        self.assert_same_run(run, calls=[1])

    def test_sizes_from_the_host(self):
        n = T.iscalar()
        f, graphs = self.recorded([n], MRG_RandomStreams(1).normal((n, 2)))
        self.assertEqual(
            [f(3).shape, f(3).shape, f(1).shape], [(3, 2), (3, 2), (1, 2)]
        )
        self.assertEqual(graphs.recorded, 2)


class RefusedTest(ReplayTest):
    def assert_not_recorded(
        self, reason, inputs, outputs, *arguments, **kwargs
    ):
        f, graphs = self.recorded(inputs, outputs, **kwargs)
        expected = theano.function(
            inputs, outputs, mode=torch_mode('cpu'), on_unused_input='ignore'
        )
        for _ in range(2):
            self.assert_identical([f(*arguments)], [expected(*arguments)])
        self.assertRegex(f.fn.program.not_captured, reason)
        self.assertEqual((graphs.recorded, f.fn.program.recordings), (0, 0))

    def test_kernels_that_wait(self):
        x, i = T.vector('x'), T.ivector()
        data = np.float32([0, 1, 2])
        for output in (
            x[T.nonzero(x)],
            x[(x > 0)],
            T.set_subtensor(x[(x > 1)], 5),
        ):
            self.assert_not_recorded(
                'the host waits in the middle', [x], output, data
            )
        m = T.matrix()
        self.assert_not_recorded(
            'waits in the middle of MatrixInverse',
            [m],
            T.nlinalg.matrix_inverse(m),
            ones(1, 1),
        )
        self.assert_not_recorded(
            'waits in the middle of Repeat',
            [x, i],
            T.repeat(x, i),
            data,
            np.int32([1, 0, 2]),
        )

    def test_reads_from_the_device(self):
        x = T.vector('x')
        data = np.float32([0, 1, 2])
        self.assert_not_recorded(
            'the host needs', [x], x[T.cast(x.sum(), 'int32') :], data
        )
        self.assert_not_recorded(
            'the host needs', [x], ifelse(T.gt(x.sum(), 0), x * 2, x), data
        )
        m = T.matrix()
        self.assert_not_recorded(
            'the host needs', [m], T.slinalg.cholesky(m) * 2, ones(1, 1)
        )

    def test_prints(self):
        x = T.vector('x')
        with contextlib.redirect_stdout(io.StringIO()) as text:
            self.assert_not_recorded(
                'Python code each time',
                [x],
                theano.printing.Print('n')(x.shape[0]) * x,
                ones(2),
            )
        # Twice with each engine: the attempt to record prints nothing.
        self.assertEqual(text.getvalue().count('n __str__'), 4)

    def test_nothing_to_compute(self):
        n = T.lscalar()
        self.assert_not_recorded('nothing to compute', [n], n + 1, 3)
        self.assert_not_recorded('nothing to compute', [], [])

    def test_loops(self):
        x = T.vector('x')
        data = np.float32([0, 1, 2])
        total = theano.scan(lambda a, b: a + b, x, T.zeros(()))[0]
        f, graphs = self.recorded([x], total)
        for i in range(3):
            np.testing.assert_array_equal(f(data * i), np.cumsum(data * i))
        self.assertEqual(graphs.replayed, 3)
        until = theano.scan(
            lambda a: (a * 2, theano.scan_module.until(a > 0)), x
        )[0]
        self.assert_not_recorded('waits in the middle of', [x], until, data)
        counted = theano.scan(
            lambda i, a: a * T.cast(T.arange(3)[i], 'float32'),
            T.arange(3),
            non_sequences=x,
        )[0]
        self.assert_not_recorded(
            'during the recording, the host', [x], counted, data
        )

    def test_failed_recording_changes_nothing(self):
        class Failing(FakeCudaGraphs):
            def record(self, function):
                super().record(function)
                raise RuntimeError('operation not permitted')

        def run(mode):
            w, x = shared(3, 4), T.matrix()
            stream = MRG_RandomStreams(1)
            loss = T.exp(T.dot(x, w) / 10 + stream.uniform((2, 4))).sum()
            f = theano.function([x], loss, mode=mode, updates=adam(loss, [w]))
            results = [f(np.full((2, 3), i, 'float32')) for i in range(4)]
            reasons.append(f.fn.program.not_captured)
            return results + [
                variable.get_value() for variable in f.get_shared()
            ]

        for k in range(2):
            reasons = []
            self.assert_identical(
                run(recording_modes(Failing(1))[k]),
                run(recording_modes(None)[k]),
            )
            self.assertEqual(
                reasons,
                ['operation not permitted', 'CUDA graphs were not asked for'],
            )

    def test_error_in_a_step(self):
        x, y = T.vectors('xy')
        f, _ = self.recorded([x, y], (x + y) * 2)
        n = T.lscalar()
        g, _ = self.recorded([x, n], x.reshape((n, 2)) * 2)
        for function, good, bad in [
            (f, (ones(2), ones(2)), (ones(2), ones(3))),
            (g, (ones(4), 2), (ones(4), 3)),
        ]:
            function(*good)
            with self.assertRaisesRegex(ValueError, 'Apply node that caused'):
                function(*bad)
            np.testing.assert_array_equal(
                function(*good).ravel()[:2],
                [4, 4] if function is f else [2, 2],
            )


class ReadsTest(EngineTest):
    """Kernels that make the host wait are found without CUDA."""

    def device_part(self, output, x):
        f = theano.function([x], output, mode=recording_modes(None)[0])
        return device_part(f, ones(4))

    def test_reads(self):
        x = T.vector()
        self.assertEqual(self.device_part(T.sort(x * 2), x)[0].shape, (4,))
        # Kernels that read or transfer numbers, registered without saying so.
        for kernel in (
            lambda x: x * float(x.sum()),
            lambda x: x * torch.tensor(2.0, device=x.device),
            lambda x: x.index_copy(0, torch.tensor([1]), x[:1]),
        ):
            register(Unknown)(lambda op, node: kernel)
            try:
                with self.assertRaises(RuntimeError):
                    self.device_part(Unknown()(x), x)
            finally:
                del dispatch._BUILDERS[Unknown]


class OnCuda:
    """Uses real CUDA graphs, which need at least one run before they are
    recorded."""

    device = 'cuda'

    def setUp(self):
        if not torch.cuda.is_available():
            self.skipTest('no CUDA device')
        super().setUp()

    def assert_same_run(self, run, calls=(1, 2), captured=True):
        modes = recording_modes(None, 'cuda')
        for k in range(2):
            expected = run(modes[k])
            for count in calls:
                graphs = CudaGraphs(torch.device('cuda'))
                graphs.calls = max(count, 1)
                found = run(recording_modes(graphs, 'cuda')[k])
                for a, b in zip(found, expected):
                    np.testing.assert_allclose(a, b, 1e-6)

    def recorded(self, *args, **kwargs):
        self.skipTest('without CUDA')


class CudaStateTest(OnCuda, StateTest):
    pass


class CudaCoherenceTest(OnCuda, CoherenceTest):
    pass


class CudaSignaturesTest(OnCuda, SignaturesTest):
    pass


class CudaRandomTest(OnCuda, RandomTest):
    pass
