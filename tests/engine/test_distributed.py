"""Sums over processes, with one process.

``make test-distributed`` runs several (``several_processes.py``).
"""

import numpy as np
import theano
import theano.tensor as T

from tests.engine.compare import REFERENCE, EngineTest, torch, torch_mode
from tests.engine.fused.helpers import count_ops

if torch:
    from kneerepro.engine.distributed import (
        AllReduce,
        FinishAllReduce,
        Minibatch,
        OwnRows,
        PlaceRows,
        StartAllReduce,
        average,
        divide,
        total,
    )


class OneProcessTest(EngineTest):
    def setUp(self):
        self.x = divide(T.matrix())
        self.w = theano.shared(np.ones((3, 2), 'float32'))

    def gradients(self, op):
        loss = T.sqr(T.dot(self.x, self.w)).mean()
        return op([theano.grad(op(loss), self.w)])

    def test_compiled_to_nothing(self):
        sources = []
        for op in total, average, lambda variables: variables:
            function = theano.function(
                [self.x], self.gradients(op), mode=torch_mode('cpu')
            )
            for op_class in AllReduce, StartAllReduce, Minibatch, OwnRows:
                self.assertEqual(count_ops(function, op_class), 0)
            sources.append(function.fn.program.source)
        self.assertEqual(sources[0], sources[2])
        self.assertEqual(sources[1], sources[2])

    def test_marks_change_no_program(self):
        x = T.matrix()
        sources = []
        for _ in range(2):
            function = theano.function(
                [x], T.exp(x).sum(0), mode=torch_mode('cpu')
            )
            sources.append(function.fn.program.source)
            divide(x)
        self.assertEqual(*sources)

    def test_identity_in_modes_of_theano(self):
        value = np.ones((4, 3), 'float32')
        expected = theano.function(
            [self.x], self.gradients(lambda x: x), mode=REFERENCE
        )(value)
        for mode in 'FAST_RUN', 'FAST_COMPILE', REFERENCE:
            for op in total, average:
                with self.set_compiler(), self.subTest(mode=str(mode)):
                    function = theano.function(
                        [self.x], self.gradients(op), mode=mode
                    )
                    np.testing.assert_allclose(function(value), expected)

    def set_compiler(self):
        """A context in which Theano compiles no C code, which takes time."""
        return theano.configparser.change_flags(cxx='')

    def test_kernels_with_one_process(self):
        # Without the rewrites, the Ops stay.
        mode = torch_mode('cpu').excluding('torch')
        function = theano.function([self.x], self.gradients(total), mode=mode)
        self.assertEqual(count_ops(function, AllReduce), 2)
        value = np.ones((4, 3), 'float32')
        np.testing.assert_allclose(function(value), np.full((1, 3, 2), 3))

    def test_lists(self):
        results = average([self.x, self.w])
        self.assertEqual([y.type for y in results], [self.x.type] * 2)
        self.assertEqual(total(()), [])

    def test_types(self):
        for op, dtype in (total, 'bool'), (average, 'int32'):
            with self.assertRaisesRegex(TypeError, f'{dtype}: convert it'):
                op(T.vector(dtype=dtype))
        x = T.lvector()
        self.assertEqual(total(x).dtype, 'int64')
        gradient = theano.grad(T.cast(total(x), 'float32').sum(), x)
        function = theano.function([x], gradient, mode=REFERENCE)
        np.testing.assert_array_equal(function([1, 2]), [0, 0])

    def test_numbers_cannot_be_divided(self):
        with self.assertRaisesRegex(ValueError, 'no rows'):
            divide(T.scalar())

    def test_nothing_is_sent_at_compile_time(self):
        f = theano.function([], total(T.ones(2)), mode='FAST_COMPILE')
        self.assertEqual(count_ops(f, AllReduce), 1)

    def test_numpy_implementations(self):
        x, n = T.matrix(), T.iscalar()
        started = StartAllReduce(False, '')(x, 2 * x)
        sums = FinishAllReduce((x.type, x.type))(started)
        function = theano.function(
            [x, n],
            [*sums, OwnRows(1)(x), PlaceRows(0)(x, n), Minibatch()(x)],
            mode=REFERENCE,
        )
        value = np.ones((2, 3), 'float32')
        for found, factor in zip(function(value, 2), [1, 2, 1, 1, 1]):
            np.testing.assert_array_equal(found, factor * value)
