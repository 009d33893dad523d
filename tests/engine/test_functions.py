"""Calls of the engine's functions do what Theano's calls do."""

import copy
import gc
import pickle
import tempfile
import weakref

import numpy as np
import theano
import theano.tensor as T
from theano.compile.function_module import Function

from tests.engine.compare import EngineTest, torch, torch_mode

if torch:
    from kneerepro.engine.functions import TorchFunction


class CallTest(EngineTest):
    def functions(self, inputs, outputs, **kwargs):
        """The function as Theano calls it, and as the engine does."""
        engine = theano.function(
            inputs, outputs, mode=torch_mode('cpu'), **kwargs
        )
        self.assertIs(type(engine), TorchFunction)
        expected = theano.function(inputs, outputs, mode='TORCH', **kwargs)
        expected.__class__ = Function
        return expected, engine

    def outcome(self, function, args, kwargs):
        """What a call returns or raises, and what it leaves behind."""
        try:
            found = function(*args, **kwargs)
        except Exception as error:
            found = type(error), str(error)
        cells = [container.storage[0] for container in function.input_storage]
        cells += [c.storage[0] for c in function.output_storage]
        return found, cells

    def assert_same_calls(self, functions, *calls, **kwargs):
        expected, engine = functions
        for args in calls:
            with self.subTest(args=args, kwargs=kwargs):
                np.testing.assert_equal(
                    self.outcome(engine, args, kwargs),
                    self.outcome(expected, args, kwargs),
                )

    def test_plain_calls_take_the_short_way(self):
        x, y = T.fmatrix(), T.fvector()
        _, function = self.functions([x, y], x + y)
        accept = function._accept
        fitting = np.ones((2, 3), 'float32'), np.ones(3, 'float32')
        self.assertTrue(accept(fitting))
        for other in (
            fitting[:1],
            (*fitting, fitting[0]),
            (fitting[0].tolist(), fitting[1]),
            (fitting[0].astype('float64'), fitting[1]),
            (fitting[0].astype('>f4'), fitting[1]),
            (fitting[1], fitting[1]),
            (fitting[0], None),
            (fitting[0], np.ma.array(fitting[1])),
            (unaligned(), fitting[1]),
        ):
            self.assertFalse(accept(other))
        function.trust_input = True
        self.assertFalse(accept(fitting))

    def test_functions_that_always_go_the_long_way(self):
        x, s = T.fvector(), theano.shared(np.float32(1))
        for name, inputs, outputs in [
            ('a default', [theano.In(x, value=np.ones(2, 'float32'))], x + 1),
            ('an input that may be overwritten', [theano.In(x, mutable=1)], x),
            ('outputs with names', [x], {'sum': x.sum()}),
            ('a row', [T.frow()], s * 2),
        ]:
            with self.subTest(name):
                functions = self.functions(
                    inputs, outputs, on_unused_input='ignore'
                )
                self.assertIsNone(functions[1]._arguments)
                value = np.zeros((1, 3) if name == 'a row' else 3, 'float32')
                self.assert_same_calls(functions, [value], [])

    def test_results_and_errors(self):
        x, y = T.fmatrix('x'), T.fvector('y')
        functions = self.functions([x, y], x * y, name='product')
        a, b = np.ones((2, 3), 'float32'), np.arange(3, dtype='float32')
        with tempfile.NamedTemporaryFile() as file:
            mapped = np.memmap(file.name, 'float32', 'w+', shape=(2, 3))
            mapped[:] = 4
            self.assert_same_calls(
                functions,
                [a, b],
                [a[:, ::-1], b[::-1]],
                [a.T.copy().T, b],
                [a.tolist(), b],
                [mapped, b],
                [a.astype('>f4'), b],
                [a.astype('int8'), b],
                # What is refused.
                [a.astype('float64'), b],
                [b, b],
                [a, b[:2]],
                [unaligned(), b],
                [None, b],
                [x, b],
                [a],
                [a, b, b],
                # An error leaves nothing behind that would matter.
                [a, b],
            )
        self.assert_same_calls(functions, [a], y=b)
        self.assert_same_calls(functions, [a, b], y=b)

    def test_numbers_of_outputs_and_updates(self):
        x = T.fvector()
        value = np.arange(3, dtype='float32')
        for outputs in x.sum(), [x.sum()], [x, x.sum(), x], [], None:
            updates = []
            for mode in 'theano', 'engine':
                s = theano.shared(np.float32(1), mode)
                updates.append({s: s + x.sum()})
            functions = [
                theano.function(
                    [x], outputs, updates=update, mode=torch_mode('cpu')
                )
                for update in updates
            ]
            functions[0].__class__ = Function
            for _ in range(2):
                self.assert_same_calls(functions, [value])
            values = [s.get_value() for (s,) in updates]
            self.assertEqual(values, [7, 7])

    def test_arguments_and_results_are_not_kept(self):
        x = T.fvector()
        _, function = self.functions([x], [x + 1, x.copy()])
        value = np.ones(3, 'float32')
        results = function(value)
        kept = [weakref.ref(array) for array in (value, *results)]
        del value, results
        gc.collect()
        self.assertEqual([reference() for reference in kept], [None] * 3)

    def test_times_are_added(self):
        x = T.fvector()
        mode = torch_mode('cpu')
        function = theano.function([x], x + 1, mode=mode)
        before = function.maker.mode.call_time
        function(np.ones(3, 'float32'))
        self.assertGreater(function.maker.mode.call_time, before)
        profiled = theano.function([x], x + 1, mode=mode, profile=True)
        profiled(np.ones(3, 'float32'))
        profiled(np.ones(3, 'float32'))
        self.assertGreaterEqual(profiled.profile.fct_callcount, 1)

    def test_copies(self):
        x, s = T.fvector('x'), theano.shared(np.float32(2))
        _, function = self.functions([x], [x * s])
        value = np.ones(3, 'float32')
        for copied in (
            pickle.loads(pickle.dumps(function)),
            copy.copy(function),
            copy.deepcopy(function),
            function.copy(delete_updates=True),
        ):
            self.assertIs(type(copied), TorchFunction)
            np.testing.assert_array_equal(copied(value), [[2, 2, 2]])


def unaligned():
    """A matrix of two rows whose elements lie at odd addresses."""
    memory = np.zeros(25, 'uint8')
    return memory[1:].view('float32').reshape(2, 3)
