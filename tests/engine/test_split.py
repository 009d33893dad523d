"""Which functions can be recorded, and why others cannot."""

import contextlib
import io

import numpy as np
import theano
import theano.tensor as T
from theano.ifelse import ifelse

from tests.engine.compare import EngineTest, torch, torch_mode
from tests.engine.replaying import ReplayTest, ones
from tests.engine.test_fallback import Doubled

if torch:
    from kneerepro.engine import dispatch
    from kneerepro.engine.dispatch import register
    from tests.engine.fake_cuda_graphs import recording_modes
    from tests.engine.meta_device import device_part


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
            register(Doubled)(lambda op, node: kernel)
            try:
                with self.assertRaises(RuntimeError):
                    self.device_part(Doubled()(x), x)
            finally:
                del dispatch._BUILDERS[Doubled]
