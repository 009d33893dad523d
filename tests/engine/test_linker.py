"""Compiled functions: shared variables, arguments, results, copies, errors,
and Theano's tools.

This covers the modules linker, dispatch, host and runner."""

import contextlib
import copy
import gc
import io
import itertools
import pickle
import weakref

import numpy as np
import theano
import theano.tensor as T
from lasagne.updates import adam
from theano import In, Out
from theano.compile import UnusedInputError
from theano.printing import Print
from theano.tensor import inplace

from tests.engine.compare import DEVICE, REFERENCE, EngineTest, torch, values


def shared(*shape, dtype='float32', **kwargs):
    return theano.shared(
        np.arange(np.prod(shape)).astype(dtype).reshape(shape), **kwargs
    )


class SharedVariableTest(EngineTest):
    def test_updates(self):
        def run(mode):
            x, weights, count = T.vector(), shared(3), theano.shared(0)
            rate = theano.shared(0.5)
            train = theano.function(
                [x],
                [(weights * x).sum(), count],
                mode=mode,
                updates=[
                    (weights, weights - T.cast(rate, 'float32') * x),
                    (count, count + 1),
                    (rate, rate * 0.9),
                ],
            )
            results = []
            for i in range(4):
                results += train(np.float32([1, i, 2]))
            return [
                *map(np.asarray, results),
                weights.get_value(),
                np.asarray(count.get_value()),
                np.asarray(rate.get_value()),
            ]

        self.assert_same_run(run)

    def test_updates_see_the_old_values(self):
        def run(mode):
            a, b, c = shared(3), shared(3, name='b'), shared(2, 3)
            b.set_value(np.float32([7, 8, 9]))
            exchange = theano.function(
                [],
                [],
                mode=mode,
                updates=[(a, b), (b, a), (c, T.stack([a, b]))],
            )
            exchange()
            exchange()
            exchange()
            return [variable.get_value() for variable in (a, b, c)]

        self.assert_same_run(run)

    def test_values_set_between_calls(self):
        def run(mode):
            s = shared(2, 3)
            add = theano.function([], s.sum(), updates=[(s, s + 1)], mode=mode)
            results = [add()]
            s.set_value(np.full((4, 1), 3, 'float32'))
            results += [add(), s.get_value()]
            value = np.ones((2, 2), 'float32')
            s.set_value(value, borrow=False)
            value[:] = 100
            results += [add(), s.get_value(borrow=True).copy()]
            s.set_value(value, borrow=True)
            results += [add(), s.get_value()]
            return results

        self.assert_same_run(run)

    def test_get_value_returns_a_copy(self):
        for mode in self.modes():
            s = shared(3)
            double = theano.function([], updates=[(s, s * 2)], mode=mode)
            double()
            got = s.get_value()
            double()
            np.testing.assert_array_equal(got, [0, 2, 4])
            got[:] = 100
            np.testing.assert_array_equal(s.get_value(), [0, 4, 8])

    def test_borrowed_value_is_the_value(self):
        def run(mode):
            s = shared(3)
            double = theano.function(
                [], s * 1, updates=[(s, s * 2)], mode=mode
            )
            double()
            s.get_value(borrow=True)[0] = 5
            return [double(), double(), s.get_value()]

        self.assert_same_run(run)

    def test_variable_in_several_functions(self):
        def run(mode):
            s, x = shared(3), T.vector()
            functions = [
                theano.function([x], s * x, updates=[(s, s + x)], mode=mode),
                theano.function([], s.sum(), mode=mode),
                theano.function([], updates=[(s, s[::-1])], mode=mode),
                theano.function([], s[1:] * 1, mode=mode),
            ]
            results = []
            for _ in range(2):
                results += [
                    functions[0](np.float32([1, 2, 3])),
                    functions[1](),
                    functions[3](),
                ]
                functions[2]()
            return results + [s.get_value()]

        self.assert_same_run(run)

    def test_steps_leave_no_tensors_behind(self):
        def tensors():
            return sum(
                type(value) is torch.Tensor for value in gc.get_objects()
            )

        for mode in self.modes():
            weights = shared(3)
            train = theano.function(
                [], updates=adam(T.exp(weights).sum(), [weights]), mode=mode
            )
            # On CUDA, the fourth call makes a recording.
            for _ in range(5):
                train()
            before = tensors()
            for _ in range(5):
                train()
            self.assertEqual(tensors(), before)

    def test_wrong_values(self):
        for mode in self.modes():
            s = shared(3)
            theano.function([], updates=[(s, s * 2)], mode=mode)()
            for value in np.ones((3, 3), 'float32'), np.ones(3):
                with self.assertRaises(TypeError):
                    s.set_value(value)
            np.testing.assert_array_equal(s.get_value(), [0, 2, 4])

    def test_several_types(self):
        def run(mode):
            variables = [
                shared(4, dtype=dtype)
                for dtype in (
                    'float64',
                    'int64',
                    'int32',
                    'uint8',
                    'bool',
                    'uint16',
                )
            ]
            theano.function(
                [],
                mode=mode,
                updates=[(s, T.cast(s * 2, s.dtype)) for s in variables],
            )()
            return [s.get_value() for s in variables]

        self.assert_same_run(run)


class ArgumentsTest(EngineTest):
    def test_givens(self):
        x, y, s = T.vector(), T.vector(), shared(3)
        self.assert_same(
            [x],
            [(x * y).sum(), y],
            np.float32([1, 2, 3]),
            givens={y: s * x + 1},
        )

    def test_defaults_and_names(self):
        def run(mode):
            x, y, z = T.vectors('x', 'y', 'z')
            f = theano.function(
                [
                    x,
                    In(y, value=np.float32([1, 2]), name='b'),
                    In(z, value=np.float32([3, 4])),
                ],
                x + 2 * y + 3 * z,
                mode=mode,
            )
            data = np.float32([1, 1])
            return [
                f(data),
                f(data, data),
                f(data, b=data * 2),
                f(data, z=data),
                f(x=data, z=data),
                f(data),
            ]

        self.assert_same_run(run)

    def test_inputs_that_are_updated(self):
        def run(mode):
            x, total = T.scalar('x'), T.scalar('total')
            f = theano.function(
                [x, In(total, value=np.float32(0), update=total + x)],
                total * 1,
                mode=mode,
            )
            return [
                f(1),
                f(2),
                f(3, total=np.float32(10)),
                f(4),
                np.asarray(f['total']),
            ]

        self.assert_same_run(run)

    def test_mutable(self):
        def run(mode):
            x, y = T.vectors('x', 'y')
            f = theano.function(
                [In(x, mutable=True), In(y, borrow=True)],
                [inplace.add_inplace(x, y), y * 2],
                mode=mode,
                accept_inplace=True,
            )
            x, y = np.float32([1, 2]), np.float32([3, 4])
            return [*f(x, y), y]

        self.assert_same_run(run)

    def test_shapes_that_change(self):
        x, y = T.matrices('x', 'y')
        compare = self.comparison(
            [x, y],
            [
                T.dot(x, y),
                x.T.sum(0),
                x.reshape((-1,)),
                x[:, :1] * 2,
                T.zeros_like(x),
            ],
        )
        for a, b, c in [(2, 3, 4), (5, 1, 1), (0, 3, 2), (1, 0, 1), (2, 3, 4)]:
            compare(values('float32', a, b), values('float32', b, c))

    def test_layouts_in_memory(self):
        x = T.tensor3()
        compare = self.comparison(
            [x],
            [
                x * 2,
                x.sum(1),
                x.reshape((-1,)),
                x[::-1],
                x.dimshuffle(2, 0, 1),
            ],
        )
        data = values('float32', 4, 6, 8)
        fixed = data.copy()
        fixed.flags.writeable = False
        for array in (
            data[::-1],
            data[:, ::-2],
            data.T,
            data[:, :, ::3],
            fixed,
            np.asfortranarray(data),
            data[:0],
            np.broadcast_to(data[:1], (3, 6, 8)),
        ):
            compare(array)

    def test_numbers_and_lists(self):
        x, n = T.vector(), T.scalar()
        compare = self.comparison([x, n], [x * n, x[:0]])
        compare([1, 2, 3], 2)
        compare(np.float32([1]), np.float32(2))

    def test_inputs_are_not_written_to(self):
        x, s = T.matrix(), shared(2, 3)
        for mode in self.modes():
            f = theano.function(
                [x],
                [
                    T.set_subtensor(x[0], 0),
                    T.inc_subtensor(s[:, 1], 5),
                    T.sort(x),
                    x.fill(3),
                    T.inc_subtensor(x[[0, 0]], 1),
                ],
                mode=mode,
            )
            data = values('float32', 2, 3)
            before = data.copy()
            f(data)
            np.testing.assert_array_equal(data, before)
            np.testing.assert_array_equal(
                s.get_value(), np.arange(6).reshape(2, 3)
            )

    def test_downcast(self):
        x = T.fvector()
        data = np.float64([1.1, 2])
        for allowed in True, None, False:
            for function in self.compiled(
                [x], x * 2, allow_input_downcast=allowed
            ):
                if allowed:
                    np.testing.assert_allclose(function(data), [2.2, 4], 1e-6)
                else:
                    with self.assertRaises(TypeError):
                        function(data)

    def test_errors_are_theanos_own(self):
        x, y = T.fmatrix('x'), T.ivector('y')
        good = values('float32', 2, 3), values('int32', 3)
        for arguments in [
            (good[0].astype('float64'), good[1]),
            (good[0][0], good[1]),
            (good[0],),
            (*good, good[1]),
            (good[0], good[1] + 0.5),
            ('text', good[1]),
        ]:
            messages = []
            for function in self.compiled([x, y], x * y, name='product'):
                with self.assertRaises((TypeError, ValueError)) as caught:
                    function(*arguments)
                messages.append(
                    (type(caught.exception), str(caught.exception))
                )
            self.assertEqual(messages[1:], messages[:1] * 2)

    def test_known_dimensions(self):
        row = T.row()
        self.assert_refused(TypeError, [row], row * 2, values('float32', 2, 3))

    def test_unused(self):
        x, y = T.vectors('x', 'y')
        for mode in self.modes():
            with self.assertRaises(UnusedInputError):
                theano.function([x, y], x, mode=mode)
            with self.assertWarns(UserWarning):
                theano.function([x, y], x, mode=mode, on_unused_input='warn')
            f = theano.function(
                [x, y], x + 1, mode=mode, on_unused_input='ignore'
            )
            np.testing.assert_array_equal(f([1], [2]), [2])

    def test_unexpected_destruction(self):
        x, y = T.vectors('x', 'y')
        for mode in [REFERENCE, *self.modes()]:
            with self.assertRaisesRegex(TypeError, 'inplace operations'):
                theano.function(
                    [In(x, mutable=True), y],
                    inplace.add_inplace(x, y),
                    mode=mode,
                )


class ResultsTest(EngineTest):
    def test_forms(self):
        x = T.vector()
        data = np.float32([1, 2])
        for mode in self.modes():

            def call(outputs):
                return theano.function(
                    [x], outputs, mode=mode, on_unused_input='ignore'
                )(data)

            self.assertIsInstance(call(x * 2), np.ndarray)
            self.assertIsInstance(call([x * 2]), list)
            self.assertEqual(call([]), [])
            self.assertEqual(call(None), [])
            found = call({'a': x * 2, 'b': x.sum()})
            np.testing.assert_array_equal(found['a'], [2, 4])
            self.assertEqual(found['b'], 3)
            self.assertEqual(found['b'].shape, ())

    def test_empty(self):
        for mode in self.modes():
            self.assertEqual(theano.function([], [], mode=mode)(), [])
            self.assertEqual(theano.function([], mode=mode)(), [])

    def test_memory_is_not_shared(self):
        x, y, s = T.matrix('x'), T.vector('y'), shared(3, 4)
        constant = T.constant(values('float32', 3, 4))
        outputs = [
            x,
            x,
            x.T,
            x[1:],
            x[::-1],
            x.reshape((4, 3)),
            x.dimshuffle('x', 0, 1),
            s,
            s.T,
            s[0],
            s.reshape((-1,)),
            constant,
            constant.T,
            constant[1],
            y,
            T.unbroadcast(y.dimshuffle('x', 0), 0),
            x * 2,
            (x * 2).T,
            T.specify_shape(x, (3, 4)),
            T.alloc(y, 3, 4),
            T.alloc(y[0], 2),
            T.alloc(np.float32(2), 3),
            x.flatten(),
            # Views that Theano does not know about.
            *T.split(x, [1, 2], 2),
            T.alloc(x, 1, 3, 4),
            T.fill(x, x),
            T.alloc(x, 3, 4),
        ]
        for mode in self.modes():
            f = theano.function(
                [x, y], outputs, mode=mode, updates=[(s, s.reshape((4, 3)).T)]
            )
            arguments = values('float32', 3, 4), values('float32', 4)
            before = s.get_value(borrow=True)
            arrays = [
                *arguments,
                before,
                constant.data,
                *f(*arguments),
                *f(*arguments),
                s.get_value(borrow=True),
            ]
            for a, b in itertools.combinations(arrays, 2):
                self.assertFalse(np.may_share_memory(a, b))
            for array in arrays[4:-1]:
                # Writing into one output must not change another.
                array[...] = 5

    def test_constants_stay(self):
        constant = T.constant(values('float32', 3, 4))
        for mode in self.modes():
            f = theano.function(
                [], [constant, constant * 2, T.zeros(3)], mode=mode
            )
            for array in f():
                array[...] = 100
            self.assert_equal(
                f(),
                theano.function(
                    [], [constant, constant * 2, T.zeros(3)], mode=REFERENCE
                )(),
            )

    def test_updates_do_not_share_memory(self):
        def run(mode):
            x, a, b, c = T.vector(), shared(3), shared(3), shared(3)
            f = theano.function(
                [x], a * 1, mode=mode, updates=[(a, x), (b, a), (c, a)]
            )
            data = np.float32([1, 2, 3])
            results = [f(data)]
            data[:] = 100
            results += [a.get_value(), f(data)]
            b.get_value(borrow=True)[...] = 7
            return results + [variable.get_value() for variable in (a, b, c)]

        self.assert_same_run(run)

    def test_borrowed_outputs(self):
        x = T.matrix()
        self.assert_same_run(
            lambda mode: theano.function(
                [In(x, borrow=True)],
                [Out(x.T, borrow=True), Out(x * 2, borrow=True)],
                mode=mode,
            )(np.float32([[1, 2], [3, 4]]))
        )

    def test_some_outputs(self):
        x = T.vector()
        for mode in self.modes():
            f = theano.function([x], [x + 1, x + 2, x + 3], mode=mode)
            found = f(np.float32([0]), output_subset=[0, 2])
            np.testing.assert_array_equal(found, [[1], [3]])

    def test_writable(self):
        x = T.vector()
        for mode in self.modes():
            for array in theano.function(
                [x],
                [T.alloc(x, 3, 2), T.zeros((2, 2)), x[::-1], x.sum()],
                mode=mode,
            )(np.float32([1, 2])):
                self.assertTrue(array.flags.writeable)
                self.assertTrue(array.flags.owndata or array.base is not None)


class CopyTest(EngineTest):
    def make(self, mode):
        x, s = T.vector('x'), shared(3, name='s')
        # The outputs are a list because Theano's own copies always return
        # one.
        return s, theano.function(
            [x], [(s * x).sum()], mode=mode, updates=[(s, s + x)]
        )

    def assert_independent(self, copied):
        """The function that `copied` makes of another one continues from the
        same values, independently of it."""
        data = np.float32([1, 2, 3])
        for mode in self.modes():
            s, f = self.make(mode)
            f(data)
            g = copied(f)
            first, second = f(data), f(data)
            self.assertNotEqual(first, second)
            self.assertEqual([g(data), g(data)], [first, second])

    def test_pickle(self):
        self.assert_independent(lambda f: pickle.loads(pickle.dumps(f, -1)))

    def test_deepcopy(self):
        self.assert_independent(copy.deepcopy)

    def test_sharing_memory(self):
        data = np.float32([1, 2, 3])
        for share in False, True:
            for mode in self.modes():
                s, f = self.make(mode)
                g = f.copy(share_memory=share)
                results = [f(data), g(data), f(data)]
                # Both functions change the same variable.
                s.set_value(np.arange(3, dtype='float32'))
                self.assertEqual(results, [f(data), f(data), f(data)])

    def test_swap(self):
        data = np.float32([1, 2, 3])

        def run(mode):
            s, f = self.make(mode)
            other = theano.shared(np.float32([5, 6, 7]), name='other')
            g = f.copy(swap={s: other})
            h = f.copy(delete_updates=True)
            return [
                f(data)[0],
                g(data)[0],
                f(data)[0],
                g(data)[0],
                h(data)[0],
                h(data)[0],
                s.get_value(),
                other.get_value(),
            ]

        self.assert_same_run(run)

    def test_pickled_variables(self):
        for mode in self.modes():
            s, f = self.make(mode)
            f(np.float32([1, 2, 3]))
            for copied in (
                pickle.loads(pickle.dumps(s, -1)),
                copy.deepcopy(s),
            ):
                np.testing.assert_array_equal(copied.get_value(), [1, 3, 5])
                copied.set_value(np.float32([0]))
            np.testing.assert_array_equal(s.get_value(), [1, 3, 5])

    def test_freed(self):
        # A function must not be kept alive by what it computed.
        for mode in self.modes():
            s, f = self.make(mode)
            f(np.float32([1, 2, 3]))
            gone = weakref.ref(f.fn.program)
            del s, f
            gc.collect()
            self.assertIsNone(gone())


class ErrorsTest(EngineTest):
    def test_in_a_step(self):
        x, y = T.matrix('x'), T.matrix('y')
        product = T.dot(x, y)  # where it is created
        for function in self.compiled([x, y], product * 2)[1:]:
            with self.assertRaises(ValueError) as caught:
                function(values('float32', 2, 3), values('float32', 2, 3))
            message = str(caught.exception)
            self.assertIn(
                'Apply node that caused the error: dot(x, y)', message
            )
            self.assertIn('Backtrace when the node is created', message)
            self.assertIn(
                'product = T.dot(x, y)  # where it is created', message
            )

    def test_function_works_after_an_error(self):
        x, s = T.vector(), shared(3)
        for function in self.compiled([x], s + x, updates=[(s, s + x)])[1:]:
            s.set_value(np.zeros(3, 'float32'))
            with self.assertRaises(ValueError):
                function(np.ones(2, 'float32'))
            np.testing.assert_array_equal(s.get_value(), [0, 0, 0])
            np.testing.assert_array_equal(
                function(np.ones(3, 'float32')), [1, 1, 1]
            )


class ToolsTest(EngineTest):
    def test_print(self):
        x = T.vector()
        texts = []
        for function in self.compiled([x], Print('value')(x * 2) + 1):
            with contextlib.redirect_stdout(io.StringIO()) as text:
                np.testing.assert_array_equal(
                    function(np.float32([1, 2])), [3, 5]
                )
            texts.append(text.getvalue())
        self.assertIn('value', texts[0])
        self.assertEqual(texts[1:], texts[:1] * 2)

    def test_profile(self):
        x = T.matrix()
        for mode in self.modes():
            f = theano.function([x], T.dot(x, x) + 1, mode=mode, profile=True)
            for _ in range(3):
                f(values('float32', 2, 2))
            self.assertEqual(f.profile.fct_callcount, 3)
            self.assertGreater(f.profile.fct_call_time, 0)
            text = io.StringIO()
            f.profile.summary(file=text)
            self.assertIn('Function profiling', text.getvalue())

    def test_debugprint(self):
        x = T.vector()
        for mode in self.modes():
            text = theano.printing.debugprint(
                theano.function([x], x * 2, mode=mode), file='str'
            )
            self.assertIn('mul', text)

    def test_as_op(self):
        @theano.compile.ops.as_op([T.fvector], [T.fvector])
        def double(x):
            return x * 2

        x = T.fvector()
        self.assert_same([x], double(x) + 1, values('float32', 3))

    def test_trusted_inputs(self):
        x = T.vector()
        for function in self.compiled([x], x * 2)[1:]:
            function.trust_input = True
            np.testing.assert_array_equal(function(np.float32([1, 2])), [2, 4])

    def test_values_on_the_device(self):
        # The tests must run on the device that they are meant for.
        for mode in self.modes():
            self.assertEqual(mode.linker.device.type, DEVICE)
