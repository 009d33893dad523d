import warnings

import numpy as np
import theano
import theano.tensor as T
from theano.gof import Apply, Op
from theano.ifelse import ifelse

from tests.engine.compare import EngineTest, torch
from tests.engine.replaying import ReplayTest, ones
from tests.engine.test_fallback import Doubled

if torch:
    from kneerepro.engine.fallback import PythonOpWarning
    from kneerepro.engine.python_steps import PythonStep, can_break
    from kneerepro.engine.values import NotCapturableError
    from tests.engine.fake_cuda_graphs import (
        TapedCudaGraphs,
        recording_modes,
    )


class SumAndDifference(Op):
    """Two results, the second with the shape of the second input."""

    __props__ = ()

    def make_node(self, x, y):
        return Apply(self, [x, y], [x.type(), y.type()])

    def perform(self, node, inputs, outputs):
        x, y = inputs
        outputs[0][0] = x + y.sum(dtype=x.dtype)
        outputs[1][0] = y - x.mean(dtype=y.dtype)

    def infer_shape(self, node, shapes):
        return shapes


class Positive(Op):
    """The positive numbers of a vector, so the shape depends on these."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0][inputs[0] > 0]


class PythonStepsTest(ReplayTest):
    def setUp(self):
        super().setUp()
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter('ignore', PythonOpWarning)

    def check(self, inputs, outputs, calls, breaks, updates=()):
        """Compare recordings with the plain engine, and count their breaks."""

        def run(mode):
            f = theano.function(inputs, outputs, updates=updates, mode=mode)
            return [f(*arguments) for arguments in calls]

        for k in range(2):
            graphs = TapedCudaGraphs(1)
            found = run(recording_modes(graphs)[k])
            for values, expected in zip(found, run(recording_modes(None)[k])):
                self.assert_identical(values, expected)
            self.assertEqual(graphs.breaks, breaks)
            self.assertEqual(graphs.replayed, len(calls) - 1)

    def test_recordings_break_off(self):
        x = T.vector('x')
        y = T.tanh(Doubled()(T.exp(x)) + Doubled()(x * 3))
        data = np.float32([0.5, -1, 2])
        calls = [[data * i] for i in range(4)]
        self.check([x], [y], calls, breaks=2)

    def test_code_runs_at_each_call(self):
        x = T.vector()
        calls = []

        class Counted(Doubled):
            def perform(self, node, inputs, outputs):
                calls.append(1)
                super().perform(node, inputs, outputs)

        graphs = TapedCudaGraphs(1)
        f = theano.function(
            [x], Counted()(x) + 1, mode=recording_modes(graphs)[0]
        )
        for _ in range(4):
            np.testing.assert_array_equal(f(np.float32([1, 2])), [3, 5])
        self.assertEqual(len(calls), 4)
        self.assertEqual(graphs.replayed, 3)

    def test_several_results(self):
        x, y = T.vector('x'), T.matrix('y')
        a, b = SumAndDifference()(x * 2, y + 1)
        calls = [[ones(2) * i, ones(3, 4) - i] for i in range(4)]
        self.check([x, y], [a * 2, b.sum(axis=0) * 2], calls, breaks=1)

    def test_training(self):
        w = theano.shared(ones(3), 'w')
        x = T.vector('x')
        loss = (Doubled()(w * x) ** 2).sum()
        updates = [(w, w - 0.1 * T.grad(loss, w))]
        for k in range(2):
            values = []
            for graphs in TapedCudaGraphs(1), None:
                w.set_value(ones(3))
                f = theano.function(
                    [x], loss, updates=updates, mode=recording_modes(graphs)[k]
                )
                losses = [f(np.float32([1, 2, i])) for i in range(4)]
                values.append([*losses, w.get_value()])
            self.assert_identical(*values)

    def test_what_a_recording_cannot_break_off_for(self):
        x = T.vector('x')
        self.assertFalse(can_break(Positive()(x).owner))
        self.assertFalse(can_break(T.exp(x).owner))
        size = T.cast(x.shape[0], 'float32')
        for output, reason in (
            (Positive()(x) * 2, 'Python code each time'),
            # These would run once for each shape, or for each recording.
            (x * Doubled()(size), 'Python code each time'),
            (ifelse(size > 1, x * Doubled()(size), x), 'Python code each'),
            (Doubled()(x * 2), 'computed on the host'),
        ):
            f, graphs = self.recorded([x], output, calls=1)
            for _ in range(3):
                f(ones(3))
            self.assertRegex(f.fn.program.not_captured, reason)


class PythonStepTest(EngineTest):
    def test_shapes_have_to_be_known(self):
        step = PythonStep(
            Doubled()(T.vector()).owner, lambda x: 2 * x, torch.device('cpu')
        )
        with self.assertRaisesRegex(NotCapturableError, 'not run with these'):
            step.recorded(torch.ones(3))
        step.on_host(ones(3))
        self.assertEqual(step.recorded(torch.ones(3)).tolist(), [2, 2, 2])

    def test_only_the_last_shapes_are_known(self):
        step = PythonStep(
            Doubled()(T.vector()).owner, lambda x: 2 * x, torch.device('cpu')
        )
        for n in range(500):
            step.on_host(ones(n))
        self.assertEqual(len(step.recorded(torch.ones(499))), 499)
        with self.assertRaises(NotCapturableError):
            step.recorded(torch.ones(3))

    def test_other_shape_than_before(self):
        step = PythonStep(
            Doubled()(T.vector()).owner,
            lambda x: x[np.asarray(x) > 0],
            torch.device('cpu'),
        )
        step.on_host(ones(3))
        with self.assertRaisesRegex(RuntimeError, r'shape \(2,\).*\(3,\)'):
            step.recorded(torch.tensor([0.0, 1, 1]))
