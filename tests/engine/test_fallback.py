import linecache
import unittest
import warnings

import numpy as np
import theano
import theano.tensor as T
from theano.compile.mode import Mode
from theano.gof import Apply, Op
from theano.gof.op import PureOp
from theano.scalar import UnaryScalarOp, same_out
from theano.tensor.elemwise import Elemwise, Sum

from tests.engine.compare import DEVICE, EngineTest, torch, torch_mode, values

if torch:
    from kneerepro.engine import dispatch
    from kneerepro.engine.fallback import PythonOpWarning


class Doubled(Op):
    """A user's Op with Python code only."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = 2 * inputs[0]

    def grad(self, inputs, grad_outputs):
        return [2 * grad_outputs[0]]

    def infer_shape(self, node, shapes):
        return shapes


class Cube(UnaryScalarOp):
    def impl(self, x):
        return x * x * x


def _twice(x):
    return x + x


def _cubed(x):
    return x**3


class FallbackTest(EngineTest):
    def warnings_of(self, inputs, outputs, mode=None):
        """The function, and the warnings while it is compiled."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            function = theano.function(
                inputs, outputs, mode=mode or torch_mode(DEVICE)
            )
        return function, [
            warning
            for warning in caught
            if issubclass(warning.category, PythonOpWarning)
        ]


class RunTest(FallbackTest):
    def test_python_code(self):
        x = T.matrix()
        y = Doubled()(x * 3) + 1
        self.assert_same([x], [y, T.grad(y.sum(), x)], values('float32', 3, 4))

    def test_several_outputs_and_none(self):
        class Halves(Op):
            __props__ = ()

            def make_node(self, x):
                return Apply(self, [x], [x.type(), x.type()])

            def perform(self, node, inputs, outputs):
                half = len(inputs[0]) // 2
                outputs[0][0] = inputs[0][:half]
                outputs[1][0] = inputs[0][half:]

        x = T.vector()
        first, second = Halves()(x)
        self.assert_same([x], [first + 1, second * 2], values('float32', 5))
        self.assert_same([x], second, values('float32', 5))

    def test_parameters(self):
        """They are filtered by their type, as Theano does."""

        class Scaled(Op):
            params_type = T.TensorType('float32', ())
            __props__ = ()

            def get_params(self, node):
                return 3

            def make_node(self, x):
                return Apply(self, [x], [x.type()])

            def perform(self, node, inputs, outputs, params):
                assert params.dtype == 'float32'
                outputs[0][0] = params * inputs[0]

        x = T.vector()
        self.assert_same([x], Scaled()(x), values('float32', 5))

    def test_thunk(self):
        """An Op that makes its own thunk, as those with C code alone do."""

        class Thunk(PureOp):
            def make_node(self, x, y):
                return Apply(self, [x, y], [x.type()])

            def make_thunk(self, node, storage, computed, recycled, impl):
                def run():
                    storage[node.outputs[0]][0] = (
                        storage[node.inputs[0]][0] - storage[node.inputs[1]][0]
                    )
                    computed[node.outputs[0]][0] = True

                run.lazy = False
                return run

        x = T.vector()
        f, _ = self.warnings_of([x], [Thunk()(x, x * 3), Thunk()(x, x)])
        data = values('float32', 5)
        for _ in range(2):
            difference, nothing = f(data)
            np.testing.assert_allclose(difference, -2 * data)
            np.testing.assert_array_equal(nothing, 0 * data)

    @unittest.skipIf(theano.config.cxx, 'there is a compiler')
    def test_c_code_without_a_compiler(self):
        class Compiled(Op):
            __props__ = ()

            def make_node(self, x):
                return Apply(self, [x], [x.type()])

        x = T.vector()
        with self.assertRaisesRegex(NotImplementedError, 'Compiled'):
            self.warnings_of([x], Compiled()(x))

    def test_elementwise(self):
        x, y = T.matrix(), T.vector()
        cube = Elemwise(Cube(same_out))
        self.assert_same(
            [x, y],
            [cube(x), cube(x) * cube(y), cube(x.sum()), cube(cube(y) + 1)],
            values('float32', 2, 3),
            values('float32', 3),
            tolerance=1e-4,
        )

    def test_loops_and_branches(self):
        x, n = T.vector(), T.iscalar()
        results, _ = theano.scan(lambda a: Doubled()(a) + 1, x)
        branch = theano.ifelse.ifelse(n > 0, Doubled()(x), x)
        f, caught = self.warnings_of([x, n], [results, branch])
        self.assertEqual(len(caught), 1)
        self.assertEqual(str(caught[0].message).count('Doubled()(a)'), 1)
        self.assertEqual(str(caught[0].message).count('Doubled()(x)'), 1)
        data = values('float32', 4)
        for flag in 0, 1:
            found = f(data, flag)
            np.testing.assert_allclose(found[0], 2 * data + 1)
            np.testing.assert_allclose(found[1], data * (1 + flag))

    def test_subclass_with_code_of_its_own(self):
        """It is not what its base class is."""

        class Average(Sum):
            def perform(self, node, inputs, outputs):
                outputs[0][0] = np.asarray(inputs[0].mean(), 'float32')

        x = T.vector()
        f, caught = self.warnings_of([x], [Average()(x), T.mean(x, op=True)])
        self.assertEqual(len(caught), 1)
        np.testing.assert_allclose(f(np.float32([1, 2, 6])), [3, 3])


class WarningTest(FallbackTest):
    def test_names_ops_and_places(self):
        x = T.vector()
        y = Doubled()(x) + Doubled()(x + 1)
        z = Elemwise(Cube(same_out))(y)
        _, caught = self.warnings_of([x], z)  # the place of the warning
        (warning,) = caught
        self.assertEqual(warning.filename, __file__)
        text = str(warning.message)
        self.assertIn('Doubled, created in', text)
        self.assertIn(f'{__file__}, line', text)
        self.assertIn('y = Doubled()(x) + Doubled()(x + 1) (2 times)', text)
        self.assertIn('Cube', text)
        for advice in 'profile=True', 'strict=True', 'dispatch.register':
            self.assertIn(advice, text)
        line = linecache.getline(warning.filename, warning.lineno)
        self.assertIn('theano.function(', line)

    def test_none_for_kernels(self):
        x = T.matrix()
        _, caught = self.warnings_of([x], T.nnet.softmax(x).sum())
        self.assertEqual(caught, [])


class StrictTest(FallbackTest):
    def test_refused(self):
        x = T.vector()
        y = Doubled()(x)  # in the user's code
        loop, _ = theano.scan(lambda a: Doubled()(a + 1), x)
        strict = torch_mode(DEVICE, strict=True)
        for output in y * 2, loop, Elemwise(Cube(same_out))(x):
            for mode in strict, Mode(strict.linker, None):
                with self.assertRaisesRegex(
                    NotImplementedError, 'no implementation of '
                ) as caught:
                    theano.function([x], output, mode=mode)
                self.assertIn(__file__, str(caught.exception))
                self.assertIn('register', str(caught.exception))

    def test_kernels_only(self):
        x = T.vector()
        f = theano.function([x], x * 2, mode=torch_mode(DEVICE, strict=True))
        np.testing.assert_array_equal(f(np.float32([1, 2])), [2, 4])


class RegisterTest(FallbackTest):
    def register(self, kind, builder):
        dispatch.register(kind)(builder)
        self.addCleanup(dispatch._BUILDERS.pop, kind)

    def test_op(self):
        x = T.vector()
        self.register(Doubled, lambda op, node: _twice)
        f, caught = self.warnings_of([x], Doubled()(x))
        self.assertEqual(caught, [])
        np.testing.assert_array_equal(f(np.float32([1, 2])), [2, 4])

    def test_scalar_op(self):
        x = T.vector()
        y = Elemwise(Cube(same_out))(x) + Elemwise(Cube(same_out))(x[0])
        self.register(Cube, lambda op, node: _cubed)
        f, caught = self.warnings_of([x], y)
        self.assertEqual(caught, [])
        np.testing.assert_array_equal(f(np.float32([1, 2])), [2, 9])
