import collections
import importlib.util
import sys
import time
import types
import unittest
import warnings
from unittest import mock

import lasagne.layers
import numpy as np
import six
import theano
import theano.tensor as T

from kneerepro.compat import gpu, stand_ins
from tests.modes import AS_WRITTEN


def run(statement):
    """Run a statement of an old program; returns its names."""
    names = {}
    exec(statement, names)
    return names


class RestoredTest(unittest.TestCase):
    def test_clock(self):
        first = time.clock()
        self.assertGreater(sum(range(10**6)), 0)
        self.assertLess(first, time.clock())
        self.assertLessEqual(time.clock(), time.process_time())


class RefusedTest(unittest.TestCase):
    def test_import_error_says_what_to_use(self):
        for statement, name, advice in [
            (
                'from theano.sandbox.cuda import CudaNdarray',
                'theano.sandbox.cuda.CudaNdarray',
                'use Ops of theano.tensor',
            ),
            (
                'import theano.sandbox.cuda.blas',
                'theano.sandbox.cuda.blas',
                'mode=TORCH',
            ),
            (
                'from theano.sandbox.cuda.dnn import GpuDnnSoftmax',
                'theano.sandbox.cuda.dnn.GpuDnnSoftmax',
                'mode=TORCH',
            ),
            (
                'import lasagne.layers.cuda_convnet',
                'lasagne.layers.cuda_convnet',
                'use lasagne.layers.Conv2DLayer',
            ),
        ]:
            with self.assertRaises(ImportError) as caught:
                run(statement)
            self.assertEqual(caught.exception.name, name)
            self.assertRegex(str(caught.exception), f'^{name}: .*{advice}')

    def test_attributes_that_are_not_there(self):
        for module in theano, theano.sandbox, theano.sandbox.cuda, collections:
            with self.assertRaisesRegex(
                AttributeError, f"'{module.__name__}' has no attribute 'nope'"
            ):
                module.nope

    def test_names_that_begin_alike(self):
        self.assertIsNone(stand_ins.find_stand_in('theano.sandbox.cudas'))
        self.assertFalse(stand_ins.is_replaced('theano.sandbox.gpuarrays'))


class CudaTest(unittest.TestCase):
    def test_no_gpu_of_theanos(self):
        names = run(
            'import theano.sandbox.cuda.dnn, theano.sandbox.cuda as cuda\n'
            'from theano.sandbox.cuda import dnn, use\n'
            'from theano.sandbox.cuda.basic_ops import gpu_from_host\n'
        )
        cuda = names['cuda']
        self.assertIs(cuda.cuda_available, False)
        self.assertIs(cuda.cuda_enabled, False)
        self.assertIsNone(cuda.use.device_number)
        self.assertIs(names['use'], gpu.use)
        self.assertFalse(names['dnn'].dnn_available())
        self.assertFalse(theano.config.device.startswith('gpu'))
        self.assertIs(theano.sandbox.cuda.dnn, names['dnn'])
        self.assertIn('cuDNN', cuda.dnn.__doc__)

    def test_random_numbers(self):
        rng = theano.sandbox.cuda.rng_curand.CURAND_RandomStreams(seed=1)
        draw = theano.function(
            [], rng.normal((500,), avg=2.0, std=0.1), mode=AS_WRITTEN
        )
        self.assertAlmostEqual(draw().mean(), 2, places=1)
        self.assertNotEqual(draw()[0], draw()[0])

    def test_lasagnes_layers_with_pygpu(self):
        """Lasagne's own layers then work, and are kept."""
        with mock.patch.object(gpu, 'has_pygpu', return_value=True):
            self.assertFalse(stand_ins.is_replaced('lasagne.layers.dnn'))
        self.assertTrue(stand_ins.is_replaced('lasagne.layers.dnn'))
        self.assertIsNotNone(lasagne.layers.__spec__)


class RenamedTest(unittest.TestCase):
    def test_six(self):
        spec = six.__spec__
        names = run(
            'import theano.compat.six.moves.cPickle\n'
            'from theano.compat import six\n'
            'from theano.compat.six.moves import xrange, zip\n'
        )
        self.assertIs(names['six'], six)
        self.assertIs(six.__spec__, spec)
        self.assertIs(names['xrange'], range)
        self.assertEqual(
            sys.modules['theano.compat.six.moves.cPickle'].__name__, 'pickle'
        )

    def test_modules_below_are_not_loaded_twice(self):
        self.assertTrue(
            stand_ins.is_replaced('theano.sandbox.gpuarray.basic_ops')
        )
        with mock.patch.object(
            stand_ins.importlib, 'import_module', return_value=six
        ) as import_module:
            spec = importlib.util.find_spec('theano.sandbox.gpuarray')
            spec.loader.exec_module(types.ModuleType(spec.name))
        self.addCleanup(sys.modules.pop, spec.name)
        import_module.assert_called_once_with('theano.gpuarray')


class Python2Test(unittest.TestCase):
    def test_names(self):
        names = run(
            'from theano.compat.python2x import OrderedDict, Counter\n'
            'from theano.compat.python2x import DefaultOrderedDict\n'
            'from theano.gof.python25 import any, partial\n'
        )
        self.assertIs(names['OrderedDict'], collections.OrderedDict)
        self.assertEqual(names['Counter']('aab')['a'], 2)
        self.assertEqual(names['DefaultOrderedDict'](list)['key'], [])
        self.assertEqual(names['partial'](max, 2)(1), 2)


class CollectionsTest(unittest.TestCase):
    def test_abstract_classes(self):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # Python 3.9 warns of them
            names = run('from collections import Iterable, Callable, Mapping')
        for name in 'Iterable', 'Callable', 'Mapping':
            self.assertIs(names[name], getattr(collections.abc, name))
        if sys.version_info >= (3, 10):  # before, Python keeps them there
            self.assertNotIn('Iterable', vars(collections))

    def test_only_what_was_there(self):
        self.assertFalse(hasattr(collections, 'Buffer'))  # since Python 3.12

    def test_what_is_there_is_kept(self):
        with mock.patch.object(
            collections, '__getattr__', create=True
        ) as there:
            stand_ins.restore_collections()
            self.assertIs(collections.__getattr__, there)


class ScanTest(unittest.TestCase):
    def test_runs(self):
        x = T.vector()
        sums, _ = theano.scan(
            lambda element, total: element + total,
            sequences=x,
            outputs_info=T.constant(np.array(0, x.dtype)),
        )
        total = theano.function([x], sums, mode=AS_WRITTEN)
        np.testing.assert_array_equal(
            total(np.arange(4, dtype=x.dtype)), [0, 1, 3, 6]
        )

    def test_c_code_is_compiled_where_it_can_be(self):
        self.assertEqual(
            stand_ins.is_replaced('theano.scan_module.scan_perform_ext'),
            sys.version_info >= (3, 11),
        )


class LinalgTest(unittest.TestCase):
    def test_error_is_that_of_numpy(self):
        module = types.ModuleType('numpy.linalg.linalg')
        stand_ins.STAND_INS[module.__name__](module)
        self.assertIs(module.LinAlgError, np.linalg.LinAlgError)
