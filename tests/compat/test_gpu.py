import sys
import types
import unittest
from unittest import mock

import theano
from theano.configparser import change_flags

from kneerepro.compat import gpu
from tests.engine.compare import torch


class MissingCudaTest(unittest.TestCase):
    def missing(self, torch, engine='kneerepro.engine'):
        with (
            mock.patch.object(gpu, 'engine', engine),
            mock.patch.object(
                gpu.importlib.util, 'find_spec', return_value=torch
            ),
            mock.patch.dict(sys.modules, torch=torch),
        ):
            return gpu.missing_cuda()

    def pytorch(self, available):
        torch = types.ModuleType('torch')
        torch.cuda = types.SimpleNamespace(is_available=lambda: available)
        return torch

    def test_cuda(self):
        self.assertIsNone(self.missing(self.pytorch(True)))

    def test_no_device(self):
        self.assertIn('no CUDA device', self.missing(self.pytorch(False)))

    def test_no_engine(self):
        for reason in [
            self.missing(None),
            self.missing(self.pytorch(True), engine=''),
        ]:
            self.assertIn('engine is not installed', reason)

    def test_pytorch_that_cannot_be_imported(self):
        with (
            mock.patch.object(gpu, 'engine', 'kneerepro.engine'),
            mock.patch.object(
                gpu.importlib.util, 'find_spec', return_value=True
            ),
            # This is how Python marks a module that must not be imported.
            mock.patch.dict(sys.modules, torch=None),
        ):
            self.assertIn('cannot be imported', gpu.missing_cuda())


class UseTest(unittest.TestCase):
    def setUp(self):
        # Restores the mode after the test.
        flags = change_flags(mode='Mode')
        flags.__enter__()
        self.addCleanup(flags.__exit__)

    def use(self, device, missing=None):
        """The mode after ``use``."""
        with (
            mock.patch.object(gpu, 'engine', 'kneerepro.engine'),
            mock.patch.object(gpu, 'missing_cuda', return_value=missing),
        ):
            theano.sandbox.cuda.use(device, force=True)
        return theano.config.mode

    @unittest.skipUnless(torch, 'PyTorch is not installed')
    def test_engine(self):
        for device in 'gpu', 'gpu0', 'cuda1':
            theano.config.mode = 'FAST_RUN'
            mode = self.use(device)
            self.assertEqual(type(mode).__name__, 'TorchMode')
        # The mode is kept, and nothing is logged.
        self.assertIs(self.use('gpu0', 'nothing works'), mode)

    def test_cpu_instead(self):
        with self.assertLogs('kneerepro', 'WARNING') as logs:
            self.assertEqual(self.use('gpu0', 'there is no device'), 'Mode')
        (line,) = logs.output
        self.assertRegex(
            line, r"use\('gpu0'\).*there is no device\. .* runs on the CPU"
        )

    def test_mode_of_the_program(self):
        theano.config.mode = 'FAST_COMPILE'
        with self.assertLogs('kneerepro', 'WARNING') as logs:
            self.assertEqual(self.use('gpu0'), 'FAST_COMPILE')
        self.assertIn('mode=FAST_COMPILE', logs.output[0])

    def test_cpu(self):
        for device in 'cpu', '':
            self.assertEqual(self.use(device), 'Mode')


class GpuarrayTest(unittest.TestCase):
    def gpuarray(self):
        return types.SimpleNamespace(
            use=None,
            basic_ops=types.SimpleNamespace(gpu_contiguous=None),
            dnn=types.SimpleNamespace(dnn_conv=None),
        )

    def test_functions_are_replaced(self):
        gpuarray = self.gpuarray()
        gpu.patch_gpuarray(gpuarray)
        x = theano.tensor.matrix()
        self.assertIs(gpuarray.basic_ops.gpu_contiguous(x), x)
        self.assertIs(gpuarray.use, gpu.use)
        self.assertTrue(callable(gpuarray.dnn.dnn_conv))
        self.assertFalse(hasattr(gpuarray.dnn, 'GpuDnnConv3d'))

    def test_with_pygpu(self):
        gpuarray = self.gpuarray()
        with mock.patch.object(gpu, 'has_pygpu', return_value=True):
            gpu.patch_gpuarray(gpuarray)
        self.assertEqual(gpuarray, self.gpuarray())
