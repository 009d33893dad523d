import ctypes
import os
import signal
import subprocess
import tempfile
import unittest
import warnings
from unittest import mock

from tests.engine.compare import torch

if torch:
    from kneerepro.engine import compiler

CODE = 'extern "C" int doubled(int x) { return 2 * x; }'


@unittest.skipUnless(torch, 'PyTorch is not installed')
class CompilerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        patch = mock.patch.object(
            compiler.theano,
            'config',
            mock.Mock(compiledir=folder.name, cxx=''),
        )
        patch.start()
        self.addCleanup(patch.stop)
        for function in compiler.compiler, compiler._load:
            function.cache_clear()
            self.addCleanup(function.cache_clear)
        if compiler.compiler() is None:
            self.skipTest('there is no C++ compiler')

    def files(self):
        return os.listdir(os.path.join(self.folder, 'kneerepro'))

    def test_compiles_once(self):
        library = compiler.load(CODE)
        self.assertIsInstance(library, ctypes.PyDLL)
        self.assertEqual(library.doubled(21), 42)
        self.assertEqual(len(self.files()), 1)
        compiler._load.cache_clear()
        with mock.patch.object(compiler, '_compile') as again:
            self.assertEqual(compiler.load(CODE).doubled(4), 8)
        again.assert_not_called()

    def test_code_that_does_not_compile(self):
        with self.assertWarnsRegex(RuntimeWarning, 'THEANO_TORCH_C_CODE=0'):
            self.assertIsNone(compiler.load('not C++'))
        self.assertEqual(self.files(), [])
        # It is not tried again.
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            self.assertIsNone(compiler.load('not C++'))

    def test_starts_ahead(self):
        compiler.start(CODE)
        with mock.patch.object(compiler, '_compile') as again:
            self.assertEqual(compiler.load(CODE).doubled(21), 42)
            compiler._load.cache_clear()
            compiler.start(CODE)
        again.assert_not_called()
        self.assertEqual(len(self.files()), 1)

    def test_starts_code_that_does_not_compile(self):
        compiler.start('not C++')
        with self.assertWarnsRegex(RuntimeWarning, 'could not compile'):
            self.assertIsNone(compiler.load('not C++'))
        self.assertEqual(self.files(), [])

    def test_an_interrupted_compiler_is_not_called_again(self):
        stopped = subprocess.CalledProcessError(-signal.SIGINT, 'g++')
        with (
            mock.patch.object(compiler, '_run', side_effect=stopped) as run,
            self.assertWarns(RuntimeWarning),
        ):
            self.assertIsNone(compiler.load(CODE))
        run.assert_called_once()

    def test_the_switch(self):
        for value, expected in ('0', None), ('1', compiler.compiler()):
            compiler.compiler.cache_clear()
            with mock.patch.dict(os.environ, THEANO_TORCH_C_CODE=value):
                self.assertEqual(compiler.compiler(), expected)
        compiler.compiler.cache_clear()
        with (
            mock.patch.dict(os.environ, THEANO_TORCH_C_CODE='yes'),
            self.assertRaisesRegex(ValueError, '0 or 1'),
        ):
            compiler.compiler()

    def test_without_a_compiler(self):
        compiler.compiler.cache_clear()
        with mock.patch.object(compiler.shutil, 'which', return_value=None):
            self.assertIsNone(compiler.compiler())
            self.assertIsNone(compiler.load(CODE))
