import warnings
from collections import OrderedDict
from unittest import mock

import numpy as np
import theano
import theano.tensor as T
from theano.compile.monitormode import MonitorMode
from theano.compile.nanguardmode import NanGuardMode
from theano.configparser import change_flags
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.raw_random import RandomFunction, random_state_type

from tests.engine.compare import (
    DEVICE,
    REFERENCE,
    EngineTest,
    torch,
    values,
)

if torch:
    from kneerepro.engine import threads
    from kneerepro.engine.kernels.graph import watches_nodes


class Recorder(MonitorMode):
    """Records the operations that are carried out."""

    def __init__(self, found=None, **kwargs):
        self.found = [] if found is None else found
        super().__init__(
            post_func=lambda i, node, thunk: self.found.append(node.op),
            optimizer='fast_compile',
        )

    def clone(self, *args, **kwargs):
        return type(self)(self.found)


class ScanTest(EngineTest):
    def test_map(self):
        x, y = T.matrix(), T.vector()
        doubled, _ = theano.map(lambda row, y: row * y, x, [y])
        both, _ = theano.scan(lambda row: (row.sum(), row * 2), x)
        backwards, _ = theano.scan(lambda row: row + 1, x, go_backwards=True)
        compare = self.comparison(
            [x, y], [doubled, *both, backwards, both[1][-1]]
        )
        for length in 5, 1:
            compare(values('float32', length, 3), values('float32', 3))

    def test_reduce(self):
        x = T.matrix()
        total, _ = theano.foldl(
            lambda row, so_far: so_far * 2 + row, x, T.zeros_like(x[0])
        )
        reverse, _ = theano.foldr(
            lambda row, so_far: so_far * 2 + row, x, T.zeros_like(x[0])
        )
        self.assert_same([x], [total, reverse], values('float32', 4, 3))

    def test_recurrence(self):
        start, n = T.vector(), T.lscalar()
        powers, _ = theano.scan(lambda x: x * 2, outputs_info=start, n_steps=n)
        compare = self.comparison(
            [start, n], [powers, powers[-1], powers[-2:], powers[::2]]
        )
        for steps in 2, 5:
            compare(values('float32', 3), steps)

    def test_taps(self):
        x, start = T.dvector(), T.dvector()
        outputs, _ = theano.scan(
            lambda before, now, after, y_3, y_1: (
                before - now + 2 * after + 0.5 * y_3 - y_1
            ),
            sequences={'input': x, 'taps': [-1, 0, 2]},
            outputs_info={'initial': start, 'taps': [-3, -1]},
        )
        loss = (outputs**2).sum()
        self.assert_same(
            [x, start],
            [outputs, outputs[-1], *T.grad(loss, [x, start])],
            values('float64', 9),
            values('float64', 3),
        )

    def test_several_recurrences(self):
        a, b, x = T.dscalar(), T.dvector(), T.dmatrix()
        (first, second, third), _ = theano.scan(
            lambda row, a, b: (a + b.sum(), b * 0.5 + row, T.sqr(row)),
            sequences=x,
            outputs_info=[a, b, None],
        )
        loss = (first**2).sum() + (second * third).sum()
        self.assert_same(
            [a, b, x],
            [first, second, third, first[-1], *T.grad(loss, [a, b, x])],
            0.5,
            values('float64', 3),
            values('float64', 4, 3),
        )

    def test_recurrent_network(self):
        x, start = T.dmatrix(), T.dvector()
        w, u = T.dmatrix(), T.dmatrix()
        states, _ = theano.scan(
            lambda row, h, w, u: T.tanh(T.dot(row, w) + T.dot(h, u)),
            sequences=x,
            outputs_info=start,
            non_sequences=[w, u],
        )
        arguments = [
            values('float64', *shape, low=-1, high=1)
            for shape in [(6, 3), (4,), (3, 4), (4, 4)]
        ]
        gradients = T.grad(
            states[-1].sum() + (states**2).sum(), [x, start, w, u]
        )
        self.assert_same([x, start, w, u], [states, *gradients], *arguments)

    def test_second_order(self):
        x, start = T.dvector(), T.dscalar()
        states, _ = theano.scan(lambda x, h: T.tanh(h * x), x, start)
        grad_x = T.grad(states[-1], x)
        self.assert_same(
            [x, start],
            T.grad((grad_x**2).sum(), [x, start]),
            values('float64', 4),
            0.7,
        )

    def test_strict_and_shared(self):
        weights = theano.shared(values('float64', 3, 3, low=-1, high=1))
        x = T.dmatrix()
        states, _ = theano.scan(
            lambda row, h, weights: T.dot(h, weights) + row,
            sequences=x,
            outputs_info=T.zeros((3,), 'float64'),
            non_sequences=[weights],
            strict=True,
        )
        self.assert_same(
            [x],
            [states, T.grad(states.sum(), weights)],
            values('float64', 4, 3),
        )

    def test_until(self):
        limit = T.scalar()
        powers, _ = theano.scan(
            lambda x: (x * 2, theano.scan_module.until(x * 2 > limit)),
            outputs_info=T.constant(np.float32(1)),
            n_steps=20,
        )
        compare = self.comparison([limit], [powers, powers.shape])
        last = self.comparison([limit], powers[-1])
        for number in 1, 45, 1e9:
            compare(number)
            last(number)

    def test_truncated_gradient(self):
        x, start = T.dvector(), T.dscalar()
        states, _ = theano.scan(
            lambda x, h: T.tanh(h * x),
            sequences=x,
            outputs_info=start,
            truncate_gradient=2,
        )
        self.assert_same(
            [x, start],
            T.grad(states[-1], [x, start]),
            values('float64', 6),
            0.7,
        )

    def test_monitored(self):
        def run(mode):
            recorder, x = Recorder(), T.dvector()
            sums, _ = theano.scan(
                lambda value, so_far: T.tanh(so_far + value),
                sequences=x,
                outputs_info=T.zeros((), 'float64'),
                mode=recorder,
            )
            results = theano.function([x], [sums], mode=mode)(np.arange(4.0))
            self.assertEqual(recorder.found.count(T.tanh), 4)
            return results

        self.set_flags(cxx='')
        self.assert_same_run(run)

    def test_guarded(self):
        x = T.dvector()
        roots, _ = theano.scan(
            lambda value, total: total + T.sqrt(value),
            sequences=x,
            outputs_info=T.zeros((), 'float64'),
            mode=NanGuardMode(True, False, False, optimizer='fast_compile'),
        )
        self.set_flags(cxx='')
        self.assert_same([x], roots[-1], np.arange(3.0))
        for function in self.compiled([x], roots[-1]):
            with self.assertRaisesRegex(AssertionError, 'NaN detected'):
                function(np.array([1.0, -1.0, 2.0]))

    def test_modes_that_only_compute(self):
        # The engine compiles the steps, as if no mode were given.
        for mode in 'FAST_RUN', REFERENCE, self.modes()[0], None:
            self.assertFalse(watches_nodes(mode))
        for mode in Recorder(), 'NanGuardMode', 'DebugMode':
            self.assertTrue(watches_nodes(mode))

    def test_nested(self):
        x = T.dmatrix()

        def of_row(row):
            sums, _ = theano.scan(
                lambda value, so_far: so_far * value,
                sequences=row,
                outputs_info=T.ones((), 'float64'),
            )
            return sums

        products, _ = theano.scan(of_row, sequences=x)
        # Theano's own inner loop would use C code that does not compile on
        # Python 3.11.
        with change_flags(cxx=''):
            self.assert_same(
                [x],
                [products, T.grad(products.sum(), x)],
                values('float64', 3, 4),
            )

    def test_updates_of_shared_variables(self):
        def run(mode):
            total = theano.shared(np.float32(1))
            count = theano.shared(0)

            def step(x):
                return x + total, OrderedDict(
                    [(total, total * 2), (count, count + 1)]
                )

            x = T.vector()
            sums, updates = theano.scan(step, sequences=x)
            f = theano.function([x], sums, updates=updates, mode=mode)
            data = values('float32', 4)
            data[:] = [1, 2, 3, 4]
            return [
                f(data),
                f(data),
                total.get_value(),
                np.asarray(count.get_value()),
            ]

        self.assert_same_run(run)

    def test_random_numbers(self):
        def run(mode):
            streams = MRG_RandomStreams(4)
            samples, updates = theano.scan(
                lambda: streams.uniform((3,)), n_steps=4
            )
            f = theano.function([], samples, updates=updates, mode=mode)
            return [f(), f()]

        self.assert_same_run(run)

    def test_random_state_of_an_outer_loop(self):
        draw = RandomFunction(np.random.RandomState.uniform, T.dvector)
        state, x = random_state_type(), T.dmatrix()
        y, _ = theano.scan(
            lambda row, state: row + draw(state, (3,), 0.0, 1.0)[1],
            sequences=x,
            non_sequences=state,
        )
        compare = self.comparison([x, state], y)
        compare(values('float64', 4, 3), np.random.RandomState(1))

    def test_types(self):
        for dtype in 'int64', 'int8', 'bool', 'float32':
            x = T.tensor(dtype, (False, False))
            rows, _ = theano.scan(lambda row: row[::-1], x)
            last, _ = theano.scan(
                T.maximum,
                x,
                T.zeros_like(x[0]),
            )
            self.assert_same([x], [rows, last], values(dtype, 3, 4))

    def test_indices(self):
        x = T.matrix()
        picked, _ = theano.scan(
            lambda i, x: x[i, i] * i, T.arange(x.shape[0]), None, [x]
        )
        self.assert_same([x], picked, values('float32', 3, 3))

    def test_no_steps(self):
        x, n = T.vector(), T.lscalar()
        output, _ = theano.scan(
            lambda x: T.tanh(x) + x[::-1], outputs_info=x, n_steps=n
        )
        self.assert_refused(
            (NotImplementedError, ValueError),
            [x, n],
            output,
            values('float32', 3),
            0,
        )

    def test_short_sequences(self):
        x, y, n = T.vector(), T.vector(), T.lscalar()
        output, _ = theano.scan(lambda a, b: a + b, [x, y], n_steps=n)
        self.assert_refused(
            ValueError,
            [x, y, n],
            output,
            values('float32', 5),
            values('float32', 3),
            4,
        )

    def test_views_of_one_another(self):
        # Each step returns a view of the previous step's result.
        start = T.vector()
        (a, b), _ = theano.scan(
            lambda a, b: (b, a[::-1]),
            outputs_info=[start, start * 2],
            n_steps=5,
        )
        self.assert_same([start], [a, b, a[-1], b[-1]], values('float32', 3))

    def test_results_are_written_where_they_stay(self):
        if DEVICE != 'cpu' or not threads.are_available():
            self.skipTest('only loops in C++ write there')
        x, w = T.ftensor3(), T.fmatrix()

        def step(x, h, w):
            product = T.dot(h, w)
            return T.tanh(product + x), T.sqr(x) - h * x, product

        results, _ = theano.scan(
            step, x, [T.zeros_like(x[0]), None, None], [w], n_steps=5
        )
        # Here both results come from one loop, and only the second is kept.
        last, _ = theano.scan(
            lambda x, h: (T.tanh(h + x), T.sqr(x + h) * h),
            x,
            [T.zeros_like(x[0]), None],
        )
        function = theano.function([x, w], results, mode=self.modes()[0])
        data = (
            values('float32', 6, 40, 40, low=-1, high=1),
            values('float32', 40, 40, low=-1, high=1),
        )
        with mock.patch.object(
            torch, '_foreach_copy_', wraps=torch._foreach_copy_
        ) as copied:
            function(*data)
        # The first step shows which shapes they have. After that, only the
        # product is copied. The states, without the initial one, are put
        # together in the end.
        self.assertEqual(
            [len(call.args[0]) for call in copied.call_args_list],
            [2, 1, 1, 1, 1],
        )
        self.assert_same(
            [x, w], [*results, last[0][-1], last[1]], *data, tolerance=1e-4
        )

    def test_shapes_that_change(self):
        x, sizes = T.fvector(), T.ivector()
        for step in (
            lambda n, x: T.exp(x[:n]),
            lambda n, x: T.tanh(x[:n]) * x[:n] + 1,
        ):
            results, _ = theano.scan(step, sizes, non_sequences=x)
            function = theano.function(
                [x, sizes], results, mode=self.modes()[0]
            )
            for length in 9, 5000:
                data = values('float32', length)
                for last in length - 1, length - 3:
                    with (
                        warnings.catch_warnings(),
                        self.assertRaisesRegex(ValueError, 'shape in all'),
                    ):
                        warnings.simplefilter('error')
                        function(
                            data,
                            np.array([length - 2] * 2 + [last], 'int32'),
                        )

    def test_derivatives(self):
        x = T.dvector()
        y = T.stack([x[0] * x[1], x.sum(), T.exp(x[2])])
        self.assert_same(
            [x],
            [
                theano.gradient.jacobian(y, x),
                theano.gradient.hessian(y[0] * x[2] + y[2], x),
            ],
            values('float64', 3, low=0, high=1),
        )
