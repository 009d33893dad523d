import ctypes
import os
import shutil
import subprocess
import tempfile
import unittest

import numpy as np

from tests.engine.compare import DEVICE, EngineTest, torch, values

try:
    from kneerepro.engine.fused import rectifier
    from kneerepro.engine.kernels import random
    from kneerepro.engine.kernels.jit import Jitted
except ImportError:
    pass    # without PyTorch, EngineTest skips

_TYPES = {'float32': 'float', 'float64': 'double', 'int64': 'int64_t'}


def compiled(code, dtype, inputs, outputs):
    """What a function template does to arrays, compiled for the host."""
    kind, name = _TYPES[dtype], code.split('(')[0].split()[-1]
    arguments = ', '.join(f'x[{k} * n + i]' for k in range(inputs))
    results = ''.join(f', y[{k} * n + i]' for k in range(outputs))
    call = (f'y[i] = {name}<{kind}>({arguments})' if outputs == 1
            else f'{name}<{kind}>({arguments}{results})')
    source = (f'#include <cstdint>\n{code}\nextern "C" void run('
              f'{kind}* x, {kind}* y, int64_t n) '
              f'{{ for (int64_t i = 0; i < n; i++) {call}; }}')
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, 'run.so')
        subprocess.run(['g++', '-x', 'c++', '-O1', '-shared', '-fPIC', '-o',
                        library, '-'], input=source, text=True, check=True)
        run = ctypes.CDLL(library).run

    def call(*arrays):
        x = np.ascontiguousarray(arrays)
        y = np.empty((outputs, x.shape[1]), dtype)
        run(x.ctypes.data_as(ctypes.c_void_p),
            y.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(x.shape[1]))
        return y

    return call


@unittest.skipUnless(shutil.which('g++'), 'there is no g++')
class CodeTest(EngineTest):
    """What is compiled for CUDA does what is done elsewhere in steps."""

    def setUp(self):
        self.made = []

    def record(self, module):
        """Have what a module makes of code be kept."""
        def make(code, otherwise, outputs=1):
            self.made.append((code, otherwise))
            return Jitted(code, otherwise, outputs)
        self.addCleanup(setattr, module, 'Jitted', module.Jitted)
        module.Jitted = make

    def test_rectifiers(self):
        self.record(rectifier)
        for slopes in (0., 1.), (0.2, 1.), (0.01, 2.), (-0.5, 1.), (1., 1.):
            for kind, build in [
                    (rectifier.Rectifier, rectifier._rectify),
                    (rectifier.RectifierGradient,
                     rectifier._rectify_gradient),
                    (rectifier.RectifierGradientByOutput,
                     rectifier._rectify_gradient_by_output)]:
                if kind is rectifier.RectifierGradientByOutput and (
                        slopes[0] < 0):
                    continue
                self.made.clear()
                build(kind(*slopes))
                (code, in_steps), = self.made
                for dtype in 'float32', 'float64':
                    self.check(kind, slopes, code, in_steps, dtype)

    def check(self, kind, slopes, code, in_steps, dtype):
        arrays = [values(dtype, 200)
                  for _ in range(1 + (kind is not rectifier.Rectifier))]
        arrays[0][:8] = 0, -0., np.inf, -np.inf, np.nan, 1e-30, -1e-30, 0
        if kind is rectifier.RectifierGradientByOutput:
            arrays[0] = rectifier._rectify(rectifier.Rectifier(*slopes))(
                torch.from_numpy(arrays[0])).numpy()
        found, = compiled(code, dtype, len(arrays), 1)(*arrays)
        expected = in_steps(*(torch.from_numpy(array.copy())
                              for array in arrays)).numpy()
        np.testing.assert_array_equal(found, expected)
        if not slopes[0]:
            # By the sign of 0, the gradient tells what was below.
            np.testing.assert_array_equal(np.signbit(found[:4]),
                                          np.signbit(expected[:4]))

    def test_random_streams(self):
        rng = np.random.RandomState(3)
        state = [rng.randint(0, m, 1000) for m in
                 (random._M1, random._M1, random._M2, random._M2)]
        for column, m in zip(state, (2**31 - 1,) * 2 + (2**31 - 21069,) * 2):
            column[:3] = 0, 1, m - 1
        found = compiled(random._next.code, 'int64', 4, 3)(*state)
        expected = random._next_in_steps(*map(torch.from_numpy, state))
        for a, b in zip(found, expected):
            np.testing.assert_array_equal(a, b)


class JittedTest(EngineTest):
    CODE = 'template <typename T> T sum(T x, T y) { return x + y; }'

    def test_elsewhere(self):
        x, y = torch.arange(3.), torch.ones(3)
        self.assertEqual(Jitted(self.CODE, torch.sub)(x, y).tolist(),
                         [-1, 0, 1])

    @unittest.skipUnless(DEVICE == 'cuda', 'there is no CUDA')
    def test_on_cuda(self):
        x, y = torch.arange(3., device='cuda'), torch.ones(3, device='cuda')
        self.assertEqual(Jitted(self.CODE, torch.sub)(x, y).tolist(),
                         [1, 2, 3])
        with self.assertWarnsRegex(RuntimeWarning, 'could not compile'):
            broken = Jitted(self.CODE.replace('y;', 'z;'), torch.sub)
            self.assertEqual(broken(x, y).tolist(), [-1, 0, 1])
        self.assertEqual(broken(x, y).tolist(), [-1, 0, 1])
