"""Functions that are recorded for each combination of shapes, and replayed."""

import gc
import weakref

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam
from theano.ifelse import ifelse
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams

from tests.engine import test_containers
from tests.engine.compare import torch, values
from tests.engine.replaying import OnCuda, ReplayTest, ones
from tests.engine.test_linker import shared

if torch:
    from kneerepro.engine import replay
    from tests.engine.fake_cuda_graphs import FakeCudaGraphs, recording_modes


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


class FailuresTest(ReplayTest):
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


class CudaSignaturesTest(OnCuda, SignaturesTest):
    pass


class CudaRandomTest(OnCuda, RandomTest):
    pass
