"""Tests of the choice of engine, device and precision."""

import argparse
import os
import tempfile
import unittest
from unittest import mock

import numpy as np
import theano

from kneerepro import engines
from kneerepro.compat.theano_flags import C_CODE
from kneerepro.engines import Engine
from kneerepro.utils.errors import UserError
from tests.experiments.common import run_here
from tests.subprocesses import hide, run_python

try:
    import torch
except ImportError:
    torch = None

NEEDS_TORCH = unittest.skipUnless(torch, 'PyTorch is not installed')
NEEDS_C_CODE = unittest.skipUnless(
    C_CODE, 'Theano has no C code on this Python'
)


class EngineTest(unittest.TestCase):
    @NEEDS_C_CODE
    def test_theano(self):
        for device in 'auto', 'cpu':
            engine = Engine('theano', device)
            self.assertEqual(
                (engine.name, engine.device, engine.mode),
                ('theano', 'cpu', 'FAST_RUN'),
            )
            self.assertRegex(str(engine), r'^Theano 1\.0\.5, its own (C|Pyth)')
        batches = [1, 2]
        self.assertIs(engine.feed(batches), batches)
        self.assertIs(engine.place(batches), batches)
        with self.assertRaisesRegex(UserError, 'requires --engine torch'):
            Engine('theano', 'cuda')
        with self.assertRaisesRegex(
            UserError, '--precision bf16 requires --en'
        ):
            Engine('theano', 'cpu', 'bf16')

    @NEEDS_TORCH
    def test_torch(self):
        for name in 'auto', 'torch':
            engine = Engine(name, 'cpu')
            self.assertEqual((engine.name, engine.device), ('torch', 'cpu'))
            self.assertEqual(type(engine.mode.linker).__name__, 'TorchLinker')
            self.assertRegex(str(engine), r'^PyTorch \S+ on the CPU, \d+ thr')
        batches = [np.zeros(2, 'float32'), np.ones(2, 'float32')]
        np.testing.assert_array_equal(list(engine.feed(batches)), batches)
        self.assertIs(engine.place(batches), batches)

    @NEEDS_TORCH
    def test_cuda_flags(self):
        parser = argparse.ArgumentParser()
        engines.add_cuda_arguments(parser)
        for flags, expected in [
            ([], (True, True, True)),
            (['--no-tf32'], (True, False, True)),
            (['--no-cuda-graphs', '--no-deterministic'], (False, True, False)),
        ]:
            args = parser.parse_args(flags)
            with (
                mock.patch('torch.cuda.is_available', return_value=True),
                mock.patch('torch.backends.cudnn') as cudnn,
            ):
                linker = Engine('torch', 'cuda', **vars(args)).mode.linker
            self.assertEqual(
                (linker.graphs is not None, linker.tf32, cudnn.deterministic),
                expected,
            )

    @NEEDS_TORCH
    def test_precision(self):
        x = theano.tensor.matrix()
        for precision, counted in ('float32', 0), ('bf16', 1):
            engine = Engine('auto', 'cpu', precision)
            self.assertEqual(engine.precision, precision)
            self.assertEqual('in bf16' in str(engine), bool(counted))
            function = theano.function(
                [x], theano.tensor.dot(x, x), mode=engine.mode
            )
            self.assertEqual(
                sum(
                    type(node.op).__name__ == 'InBfloat16'
                    for node in function.maker.fgraph.apply_nodes
                ),
                counted,
            )

    def test_unknown(self):
        with self.assertRaisesRegex(UserError, "unknown engine 'tensorflow'"):
            Engine('tensorflow')

    @NEEDS_TORCH
    def test_device(self):
        with mock.patch('torch.cuda.is_available', return_value=False):
            self.assertEqual(Engine('torch', 'auto').device, 'cpu')
            with self.assertRaisesRegex(UserError, 'no CUDA device'):
                Engine('torch', 'cuda')

    @unittest.skipUnless(torch and torch.cuda.is_available(), 'no CUDA device')
    def test_cuda(self):
        engine = Engine()
        self.assertEqual((engine.name, engine.device), ('torch', 'cuda'))
        images = np.random.RandomState(1).rand(8, 1, 4, 4).astype('float32')
        placed = engine.place(images)
        self.assertEqual(placed[[2, 1]].device.type, 'cuda')
        with mock.patch('torch.cuda.mem_get_info', return_value=(1000, 0)):
            self.assertIs(engine.place(images), images)

    def test_python_for_which_theano_has_no_c_code(self):
        with mock.patch.object(engines, 'C_CODE', False):
            with self.assertRaisesRegex(
                UserError, 'Python 3.9.*use --engine torch'
            ):
                Engine('theano')
            with (
                mock.patch.object(engines, '_has_torch', return_value=False),
                self.assertRaisesRegex(UserError, 'pip install torch'),
            ):
                Engine()

    def test_without_pytorch(self):
        done = run_python(
            hide('torch')
            + """
import kneerepro
from kneerepro import engines
from kneerepro.engines import Engine
from kneerepro.utils.errors import UserError
engines.C_CODE = True
assert Engine().name == 'theano'
try:
    Engine('torch')
except UserError as error:
    assert 'pip install torch' in str(error), error
else:
    raise AssertionError
try:
    import kneerepro.engine
except ImportError as error:
    assert 'pip install torch' in str(error), error
else:
    raise AssertionError
""",
            THEANO_FLAGS="cxx=''",
        )
        self.assertEqual((done.returncode, done.stderr), (0, ''))


class StoredPrecisionTest(unittest.TestCase):
    def test_runs_of_earlier_versions_used_float32(self):
        self.assertEqual(engines.stored_precision({}), 'float32')
        self.assertEqual(
            engines.stored_precision({'precision': 'bf16'}), 'bf16'
        )


class FlagTest(unittest.TestCase):
    def test_wrong_values_are_refused_before_any_work(self):
        for options, message in [
            (
                ['--engine', 'theano', '--device', 'cuda'],
                "error: Theano's own code runs only on the CPU",
            ),
            (
                ['--engine', 'theano', '--precision', 'bf16'],
                "error: Theano's own code computes only in float32",
            ),
            (['--engine', 'jax'], 'invalid choice'),
            (['--precision', 'fp16'], 'invalid choice'),
            (['--device', 'tpu'], 'invalid choice'),
        ]:
            output = run_here(
                'cae3d',
                '--out',
                os.path.join('no', 'such', 'folder'),
                *options,
                status=2,
            )
            self.assertRegex(
                output,
                rf'\A(usage: [^\n]*\n( [^\n]*\n)*)?'
                rf'[^\n]*{message}[^\n]*\n\Z',
            )

    def test_choices(self):
        self.assertEqual(engines.ENGINES, ('auto', 'torch', 'theano'))
        self.assertEqual(engines.DEVICES, ('auto', 'cpu', 'cuda'))
        self.assertEqual(engines.PRECISIONS, ('float32', 'bf16'))


@NEEDS_TORCH
class ModeFlagTest(unittest.TestCase):
    """``THEANO_FLAGS=mode=TORCH``."""

    check = """
import os, theano, theano.tensor as T
x = T.matrix()
linker = theano.function([x], x + 1).maker.linker
assert type(linker).__name__ == 'TorchLinker', linker
assert os.environ['THEANO_FLAGS'].count('mode=') == 1
assert 'mode=TORCH' in os.environ['THEANO_FLAGS']
"""
    imports = [
        'import kneerepro',
        'import kneerepro.engine',
        'import kneerepro, theano, kneerepro.engine',
    ]

    def assert_runs(self, code, **environment):
        done = run_python(code, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ''), code)

    def test_in_the_environment(self):
        for statement, flags in zip(
            self.imports,
            ['mode=TORCH', 'mode=TORCH', "cxx='',mode=TORCH,floatX=float64"],
        ):
            self.assert_runs(statement + self.check, THEANO_FLAGS=flags)

    def test_in_a_file(self):
        with tempfile.NamedTemporaryFile('w', suffix='rc') as file:
            file.write('[global]\nmode = TORCH\n')
            file.flush()
            self.assert_runs(self.imports[0] + self.check, THEANORC=file.name)

    def test_without_the_flag(self):
        self.assert_runs(
            """
import kneerepro.engine, theano, theano.tensor as T
assert theano.config.mode == 'Mode'
x = T.matrix()
f = theano.function([x], x + 1, mode='TORCH')
assert type(f.maker.linker).__name__ == 'TorchLinker'
""",
            THEANO_FLAGS="cxx=''",
        )

    def test_without_pytorch(self):
        done = run_python(
            hide('torch') + 'import kneerepro, theano',
            THEANO_FLAGS='mode=TORCH',
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn('pip install torch', done.stderr.splitlines()[-1])
