import ctypes
import os
import shutil
import subprocess
import tempfile
import unittest

import numpy as np
import theano
import theano.tensor as T
from theano import scalar
from theano.scalar import Composite
from theano.tensor.elemwise import Elemwise

from tests.engine.compare import (
    DEVICE,
    FLOATS,
    PRECISION,
    EngineTest,
    cuda_rewrites_mode,
    torch,
    values,
)
from tests.engine.training import build, compile_steps

try:
    from torch.cuda.jiterator import _CodeParser

    from kneerepro.engine.fused.multiply_add import MultiplyAdd
    from kneerepro.engine.fused.rectifier import (
        Rectifier,
        RectifierGradient,
        RectifierGradientByOutput,
    )
    from kneerepro.engine.kernels import random
    from kneerepro.engine.kernels.jit import Jitted, code_of
    from kneerepro.engine.kernels.mrg31k3p import M1, M2
    from kneerepro.engine.kernels.scalars import scalar_function
except ImportError:
    pass  # without PyTorch, EngineTest skips

_TYPES = {'float32': 'float', 'float64': 'double', 'int64': 'int64_t'}


def compiled(templates):
    """The functions that templates compute on arrays, compiled for the host
    in one library.

    Parameters
    ----------
    templates : list of (str, str, int, int)
        The code of each, and the type and the numbers of its inputs and
        outputs.

    Returns
    -------
    list of callable
    """
    source = ['#include <cstdint>', '#include <math.h>']
    for number, (code, dtype, inputs, outputs) in enumerate(templates):
        kind, name = _TYPES[dtype], code.split('(')[0].split()[-1]
        arguments = ', '.join(f'x[{k} * n + i]' for k in range(inputs))
        results = ''.join(f', y[{k} * n + i]' for k in range(outputs))
        call = (
            f'y[i] = {name}<{kind}>({arguments})'
            if outputs == 1
            else f'{name}<{kind}>({arguments}{results})'
        )
        source.append(
            f'namespace t{number} {{\n{code}\n'
            f'extern "C" void run{number}({kind}* x, {kind}* y, int64_t n) '
            f'{{ for (int64_t i = 0; i < n; i++) {call}; }}\n}}'
        )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'run.so')
        command = ['g++', '-x', 'c++', '-O1', '-shared', '-fPIC', '-o', path]
        subprocess.run(
            [*command, '-'], input='\n'.join(source), text=True, check=True
        )
        library = ctypes.CDLL(path)

    def caller(number, dtype, outputs):
        run = getattr(library, f'run{number}')

        def call(*arrays):
            x = np.ascontiguousarray(arrays)
            y = np.empty((outputs, x.shape[1]), dtype)
            run(
                x.ctypes.data_as(ctypes.c_void_p),
                y.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_int64(x.shape[1]),
            )
            return y

        return call

    return [
        caller(number, dtype, outputs)
        for number, (_, dtype, _, outputs) in enumerate(templates)
    ]


def in_steps(op, arrays):
    """The result of a scalar Op, carried out one operation at a time."""
    dtypes = [str(array.dtype) for array in arrays]
    node = Elemwise(op)(*(T.tensor(dtype, (False,)) for dtype in dtypes)).owner
    function = scalar_function(
        op, dtypes, dtypes[:1], node, torch.device('cpu')
    )
    return function(
        *(torch.from_numpy(array.copy()) for array in arrays)
    ).numpy()


@unittest.skipUnless(shutil.which('g++'), 'there is no g++')
class CodeTest(EngineTest):
    """The code for CUDA computes the same as several operations elsewhere."""

    def check(self, cases):
        """Scalar Ops have the same results both ways.

        Parameters
        ----------
        cases : list of (scalar Op, list of array, int)
            Each Op with its inputs, all of one type. So many of the first
            results also have the same sign, which counts for 0.
        """
        templates = []
        for op, arrays, _ in cases:
            dtype = str(arrays[0].dtype)
            code = code_of(op, [dtype] * len(arrays))
            # PyTorch finds the name of the function by parsing the code.
            self.assertEqual(_CodeParser(code).function_name, 'fused')
            templates.append((code, dtype, len(arrays), 1))
        for run, (op, arrays, signs) in zip(compiled(templates), cases):
            (found,) = run(*arrays)
            expected = in_steps(op, arrays)
            precision = PRECISION.get(str(arrays[0].dtype), 1e-11)
            np.testing.assert_allclose(found, expected, precision, precision)
            np.testing.assert_array_equal(
                np.signbit(found[:signs]), np.signbit(expected[:signs])
            )

    def test_rectifiers(self):
        cases = []
        for dtype in FLOATS:
            for slopes in (
                (0.0, 1.0),
                (0.2, 1.0),
                (0.01, 2.0),
                (1.0, 1.0),
                (-1.0, 1.0),
            ):
                x, g = values(dtype, 200), values(dtype, 200)
                x[:8] = 0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 0
                # The gradient from the output needs the sign of 0, which tells
                # whether the input was negative.
                op = Rectifier(*slopes)
                cases.append((op, [x], 0 if slopes[0] else 7))
                cases.append((RectifierGradient(*slopes), [x, g], 0))
                if slopes[0] >= 0:
                    y = in_steps(op, [x])
                    cases.append(
                        (RectifierGradientByOutput(*slopes), [y, g], 0)
                    )
        self.check(cases)

    def test_multiply_add(self):
        self.check(
            [
                (MultiplyAdd(sign), [values(dtype, 50) for _ in range(3)], 0)
                for dtype in FLOATS
                for sign in (1, -1)
            ]
        )

    def test_training_steps(self):
        for network in 'cae2d', 'wgan_gp':
            pair, _ = build(network, 1, 2)
            _, steps = compile_steps(network, pair, cuda_rewrites_mode(), 2)
            nodes = {
                node.op.scalar_op: node
                for function, _ in steps
                for node in function.maker.fgraph.apply_nodes
                if isinstance(node.op, Elemwise)
                and isinstance(node.op.scalar_op, Composite)
            }
            self.assertGreater(len(nodes), 2)
            self.check(
                [
                    (
                        op,
                        [
                            values(node.outputs[0].dtype, 50, low=0.5, high=2)
                            for _ in node.inputs
                        ],
                        0,
                    )
                    for op, node in nodes.items()
                ]
            )

    def test_random_streams(self):
        rng = np.random.RandomState(3)
        state = [rng.randint(0, m, 1000) for m in (M1, M1, M2, M2)]
        for column, m in zip(state, (2**31 - 1,) * 2 + (2**31 - 21069,) * 2):
            column[:3] = 0, 1, m - 1
        code = random._next.code
        self.assertEqual(_CodeParser(code).function_name, 'mrg')
        (run,) = compiled([(code, 'int64', 4, 3)])
        found = run(*state)
        expected = random._next_in_steps(*map(torch.from_numpy, state))
        for a, b in zip(found, expected):
            np.testing.assert_array_equal(a, b)

    def test_without_code(self):
        for op, dtypes in [
            (scalar.switch, ['bool', 'float32', 'float32']),
            (scalar.lt, ['float32'] * 2),
            (scalar.add, ['float32', 'float64']),
            (scalar.add, ['float16'] * 2),
            (scalar.add, ['float64'] * 9),
        ]:
            self.assertIsNone(code_of(op, dtypes))
        self.assertIsNotNone(code_of(scalar.add, ['float64'] * 8))


class CompositeTest(EngineTest):
    def modes(self):
        """The graph as for CUDA, where fused operations are compiled. On the
        CPU they are carried out one by one."""
        return [cuda_rewrites_mode()]

    def count(self, inputs, outputs):
        """The number of operations in each fused operation."""
        function = theano.function(inputs, outputs, mode=self.modes()[0])
        return [
            len(node.op.scalar_op.fgraph.apply_nodes)
            for node in function.maker.fgraph.apply_nodes
            if isinstance(node.op, Elemwise)
            and isinstance(node.op.scalar_op, Composite)
        ]

    def test_values(self):
        for dtype in FLOATS:
            x, y = (T.tensor(dtype, (False,) * 2) for _ in range(2))
            row = T.tensor(dtype, (True, False))
            for output in (
                T.exp(x) * y - row,
                T.nnet.relu(x * y + row, 0.2),
                T.sqrt(T.sqr(x) + abs(y)) / (1 + T.sqr(row)),
            ):
                outputs = [output, T.grad(output.sum(), x)]
                self.assert_same(
                    [x, y, row],
                    outputs,
                    values(dtype, 4, 5),
                    values(dtype, 4, 5),
                    values(dtype, 1, 5),
                )

    def test_what_is_fused(self):
        x, y = T.matrices('xy')
        self.assertEqual(self.count([x, y], T.exp(x + y) / T.sqrt(y)), [4])
        # A result that two operations need is computed once.
        shared = T.exp(x)
        self.assertEqual(self.count([x, y], [shared * y, shared + y]), [])
        # Integers and Boolean values are not fused.
        i = T.imatrix()
        self.assertEqual(self.count([x, i], T.exp(x) * (i + 1)), [])
        self.assertEqual(
            self.count([x, y], T.switch(T.lt(x, y), T.exp(x), y)), []
        )


class JittedTest(EngineTest):
    CODE = 'template <typename T> T sum(T x, T y) { return x + y; }'

    def test_elsewhere(self):
        x, y = torch.arange(3.0), torch.ones(3)
        self.assertEqual(
            Jitted(self.CODE, torch.sub)(x, y).tolist(), [-1, 0, 1]
        )

    @unittest.skipUnless(DEVICE == 'cuda', 'there is no CUDA')
    def test_on_cuda(self):
        x, y = torch.arange(3.0, device='cuda'), torch.ones(3, device='cuda')
        self.assertEqual(
            Jitted(self.CODE, torch.sub)(x, y).tolist(), [1, 2, 3]
        )
        with self.assertWarnsRegex(RuntimeWarning, 'could not compile'):
            broken = Jitted(self.CODE.replace('y;', 'z;'), torch.sub)
            self.assertEqual(broken(x, y).tolist(), [-1, 0, 1])
        self.assertEqual(broken(x, y).tolist(), [-1, 0, 1])
