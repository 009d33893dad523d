"""The code of compiled graphs: results in the memory of inputs that are no
longer needed, and branches."""

import numpy as np
import theano
import theano.tensor as T
from theano.ifelse import ifelse

from tests.engine.compare import DEVICE, EngineTest, torch_mode, values


def refused(x, message='computed'):
    """A variable that raises an error if it is computed."""
    return T.opt.Assert(message)(x, T.constant(np.array(False)))


class ReuseTest(EngineTest):
    def setUp(self):
        self.x, self.y = T.matrices('xy')
        self.product = T.dot(self.x, self.y)  # has memory of its own

    def check(self, count, outputs):
        """So many results are written into the memory of an input. The values
        are compared as well."""
        inputs = [self.x, self.y]
        data = [values('float32', 4, 4) for _ in inputs]
        given = [array.copy() for array in data]
        function = theano.function(
            inputs,
            outputs,
            mode=torch_mode(DEVICE, cuda_graphs=False).excluding(
                'torch_compiled'
            ),
        )
        function(*data)
        self.assertEqual(
            function.fn.program.source.count('out='),
            count,
            function.fn.program.source,
        )
        for array, before in zip(data, given):
            np.testing.assert_array_equal(array, before)
        self.assert_same(inputs, outputs, *data, tolerance=2e-5)

    def test_chain(self):
        # All but the absolute value, because the difference needs its input
        # too.
        z = T.sqr(T.exp(self.product / 100))
        self.check(5, [z - T.sqrt(abs(z)).sum()])

    def test_inputs_are_left_alone(self):
        self.check(0, [self.x + 1, self.x.T * 2, self.y.flatten() - 1])

    def test_outputs_are_left_alone(self):
        self.check(0, [self.product, self.product + 1])

    def test_what_is_needed_later(self):
        # Only the last node that reads it may overwrite it.
        z = T.sqr(self.product)
        self.check(2, [T.dot(z, self.y), z + 3, z * 2])
        self.check(2, [T.dot(z, z) + z])

    def test_one_input_several_times(self):
        z = self.product
        self.check(1, [z + self.x + z])
        self.check(1, [T.sqr(z) * z])

    def test_views(self):
        z = self.product
        self.check(0, [z.flatten(), T.dot(self.y, z.T), z + 1])
        self.check(0, [T.split(z, [1, 3], 2)[0], z + 1])
        self.check(0, [T.alloc(z, 2, 4, 4), z * 2])
        self.check(0, [z[1:].sum(0), z * 2])

    def test_gradient_at_zero(self):
        # The kernel must find the zeros before it overwrites them.
        for z in (
            T.nnet.relu(self.product),
            T.nnet.relu(self.product, 0.2),
            self.product - abs(self.product),
        ):
            w = T.grad((z * self.y).sum(), self.product)
            rows = values('float32', 4, 4)
            rows[1] = 0
            self.assert_same(
                [self.x, self.y],
                [z.sum(), w, T.sqr(w)],
                rows,
                values('float32', 4, 4),
                tolerance=2e-5,
            )
            self.assert_same(
                [self.x, self.y],
                [z.sum(), T.dot(w, self.x)],
                rows,
                values('float32', 4, 4),
                tolerance=2e-4,
            )

    def test_row_has_no_space_for_a_matrix(self):
        row = T.exp(T.dot(self.x[:1], self.y) / 100)
        self.check(1, [T.addbroadcast(row, 0) + self.x])

    def test_other_types(self):
        self.check(0, [self.product > 0, T.cast(self.product, 'float64') + 1])

    def test_branches(self):
        z = self.product
        self.check(0, [ifelse(T.gt(self.x.sum(), 0), z + 1, z * 2)])


class IfElseTest(EngineTest):
    def test_either(self):
        c, x, y = T.lscalar(), T.matrix(), T.matrix()
        compare = self.comparison(
            [c, x, y],
            [
                ifelse(c, x * 2, y + 1),
                ifelse(T.gt(c, 0), x, y),
                ifelse(T.all(x > 0), x.sum(), y.sum()),
                ifelse(c, np.float32(1), np.float32(2)) + x,
            ],
        )
        for condition in 0, 1, -3:
            for size in (2, 3), (0, 3), (1, 1):
                compare(
                    condition,
                    values('float32', *size),
                    values('float32', *size),
                )

    def test_only_one_branch_is_computed(self):
        c, x = T.lscalar(), T.vector()
        y = T.exp(x)
        # The second branch uses what the first one does, and more.
        good, bad = y * 2, refused(y * 3) + T.log(y)
        for function in self.compiled([c, x], ifelse(c, good, bad))[1:]:
            data = values('float32', 3)
            np.testing.assert_allclose(
                function(1, data), 2 * np.exp(data), 1e-6
            )
            with self.assertRaises(AssertionError):
                function(0, data)

    def test_nested(self):
        a, b, x = T.lscalar(), T.lscalar(), T.vector()
        shared = T.tanh(x)
        y = ifelse(
            a, ifelse(b, shared + 1, shared * 2), ifelse(b, x - shared, x / 2)
        )
        z = ifelse(b, y, ifelse(a, y * 3, shared))
        compare = self.comparison([a, b, x], [z, ifelse(b, y, x)])
        for condition in [(1, 1), (1, 0), (0, 1), (0, 0)]:
            compare(*condition, values('float32', 3))

    def test_only_one_branch_of_nested_ones(self):
        # Theano's Python linker computes all branches.
        a, b, x = T.lscalar(), T.lscalar(), T.vector()
        y = ifelse(
            a,
            ifelse(b, x + 1, refused(x)),
            # Another message keeps Theano from merging the two.
            ifelse(b, refused(x, 'as well'), x),
        )
        for function in self.compiled([a, b, x], y)[1:]:
            data = values('float32', 3)
            np.testing.assert_array_equal(function(1, 1, data), data + 1)
            np.testing.assert_array_equal(function(0, 0, data), data)
            for condition in (1, 0), (0, 1):
                with self.assertRaises(AssertionError):
                    function(*condition, data)

    def test_also_needed_outside(self):
        c, x = T.lscalar(), T.vector()
        y = T.exp(x)
        compare = self.comparison(
            [c, x], [ifelse(c, y + 1, x), y * 2, ifelse(c, x, y)]
        )
        for condition in 0, 1:
            compare(condition, values('float32', 3))

    def test_several_outputs(self):
        c, x, y = T.lscalar(), T.vector(), T.lvector()
        first, second = ifelse(c, (x, y + 1), (x * 2, y))
        compare = self.comparison(
            [c, x, y], [first, second, first.sum() + second.sum()]
        )
        for condition in 0, 1:
            compare(condition, values('float32', 3), values('int64', 4))

    def test_gradient(self):
        c, x, y = T.lscalar(), T.dvector(), T.dvector()
        z = ifelse(c, x**2 * y, T.sin(y))
        compare = self.comparison([c, x, y], [z, *T.grad(z.sum(), [x, y])])
        for condition in 0, 1:
            compare(condition, values('float64', 3), values('float64', 3))

    def test_condition_computed_on_the_device(self):
        c, x = T.matrix(), T.vector()
        compare = self.comparison([c, x], ifelse(T.lt(c.mean(), 0), x, -x))
        for sign in -1, 1:
            compare(np.full((2, 2), sign, 'float32'), values('float32', 3))

    def test_updates(self):
        def run(mode):
            s, count = theano.shared(np.ones(3, 'float32')), theano.shared(0)
            f = theano.function(
                [],
                s * 1,
                mode=mode,
                updates=[
                    (s, ifelse(T.eq(count % 2, 0), s * 3, s)),
                    (count, count + 1),
                ],
            )
            return [f(), f(), f(), s.get_value()]

        self.assert_same_run(run)

    def test_results_do_not_share_memory(self):
        c, x, s = T.lscalar(), T.vector(), theano.shared(np.ones(3, 'f'))
        for function in self.compiled(
            [c, x], [ifelse(c, x, s), ifelse(c, s, x)]
        )[1:]:
            data = values('float32', 3)
            for array in function(1, data):
                array[...] = 100
            np.testing.assert_array_equal(s.get_value(), [1, 1, 1])
            self.assertLess(data.max(), 100)
