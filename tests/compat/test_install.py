import unittest

from kneerepro.compat.install import _getargspec
from kneerepro.compat.theano_flags import C_CODE, missing_compiler
from tests.folders import FolderTest
from tests.subprocesses import hide, run_python

# Without a compiler, Theano would warn; that is not what is tested here.
NO_C_CODE = "cxx=''" if missing_compiler() else ''


class FreshPythonTest(FolderTest):
    """Runs code in a fresh Python."""

    maxDiff = None

    def assert_quiet(self, code, *options, **environment):
        """The code neither fails nor prints nor warns."""
        done = run_python(code, *options, **environment)
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr), (0, '', '')
        )


class ImportTest(FreshPythonTest):
    def test_all_imports_are_quiet_and_the_stand_ins_work(self):
        # With an empty cache of compiled modules, Python compiles all sources,
        # and must not warn about them either.
        self.assert_quiet(
            """
import inspect, sys
import kneerepro
assert 'theano' not in sys.modules and 'lasagne' not in sys.modules

import theano, lasagne, layers
assert theano.config.floatX == 'float32'
assert lasagne.__version__

import numpy as np
from theano.tensor.signal import downsample
pool = downsample.max_pool_2d(theano.tensor.tensor4(), (4, 3), True,
                              st=(2, 1), padding=(1, 0), mode='sum').owner
assert [v.data.tolist() for v in pool.inputs[1:]] == [[4, 3], [2, 1], [1, 0]]
assert pool.op.ignore_border and pool.op.mode == 'sum'

from scipy.signal.sigtools import _convolve2d
from scipy.signal.signaltools import _bvalfromboundary, _valfrommode
full = _convolve2d(np.array([[1., 2]]), np.array([[1., 10]]), 1,
                   _valfrommode('full'), _bvalfromboundary('fill'), 0)
assert full.tolist() == [[1, 12, 20]], full

finders, getargspec = list(sys.meta_path), inspect.getargspec
kneerepro.compat.install()
assert sys.meta_path == finders and inspect.getargspec is getargspec
""",
            '-X',
            'pycache_prefix=' + self.folder,
            THEANO_FLAGS=NO_C_CODE,
        )

    @unittest.skipUnless(C_CODE, 'Theano does not import without stand-ins')
    def test_import_after_theano(self):
        self.assert_quiet(
            """
import os, warnings
warnings.simplefilter('ignore')  # nothing silences Theano's yet
import theano
warnings.simplefilter('error')
flags = os.environ['THEANO_FLAGS']
import kneerepro
assert os.environ['THEANO_FLAGS'] == flags
assert theano.config.floatX == 'float64'
import lasagne, layers
from theano.tensor.signal.downsample import max_pool_2d
from scipy.signal.signaltools import _valfrommode
assert not theano.sandbox.cuda.cuda_available
assert theano.config.lib.cnmem == 0

import numpy as np
x = theano.tensor.matrix()
pool = theano.function([x], max_pool_2d(x, (2, 2)))
assert pool([[1, 2], [3, 4]]).tolist() == [[4]]
""",
            THEANO_FLAGS="blas.ldflags=-lblas,cxx=''",
        )


class MissingModuleTest(FreshPythonTest):
    """Imports a package that depends on what Lasagne 0.2.dev1 depends on."""

    def setUp(self):
        super().setUp()
        self.write(
            'lasagne/__init__.py',
            """
import inspect
import pkg_resources
__version__ = pkg_resources.get_distribution('Lasagne').version
arguments = inspect.getargspec(lambda incoming, nonlinearity=None, *a, **k: 0)
""",
        )
        self.write(
            'Lasagne-0.2.dev1.dist-info/METADATA',
            'Metadata-Version: 2.1\nName: Lasagne\nVersion: 0.2.dev1\n',
        )

    check = """
import kneerepro, lasagne
assert lasagne.__version__ == '0.2.dev1', lasagne.__version__
arguments = lasagne.arguments
assert tuple(arguments) == (['incoming', 'nonlinearity'], 'a', 'k', (None,))
assert arguments.keywords == 'k' and arguments.defaults == (None,)
"""

    def test_with_everything_installed(self):
        self.assert_quiet(self.check, PYTHONPATH=self.folder)

    def test_without_pkg_resources(self):
        self.assert_quiet(
            hide('pkg_resources')
            + self.check
            + """
import pkg_resources
try:
    pkg_resources.get_distribution('no such distribution')
except pkg_resources.DistributionNotFound:
    pass
else:
    raise AssertionError
""",
            PYTHONPATH=self.folder,
        )


class ExistingModuleTest(FreshPythonTest):
    def test_is_kept(self):
        self.write('pkg_resources.py', 'mine = True')
        self.write('signal/sigtools.py', 'mine = True')
        self.assert_quiet(
            """
import inspect
def mine(function):
    pass
inspect.getargspec = mine
import kneerepro
assert inspect.getargspec is mine
import pkg_resources
assert pkg_resources.mine
import os, scipy.signal
scipy.signal.__path__.append(os.environ['PYTHONPATH'] + '/signal')
import scipy.signal.sigtools
assert scipy.signal.sigtools.mine
""",
            PYTHONPATH=self.folder,
        )

    def test_downsample_is_kept(self):
        self.write('downsample.py', 'mine = True')
        self.assert_quiet(
            """
import os
import kneerepro, theano.tensor.signal
theano.tensor.signal.__path__.append(os.environ['PYTHONPATH'])
import theano.tensor.signal.downsample
assert theano.tensor.signal.downsample.mine
""",
            PYTHONPATH=self.folder,
            THEANO_FLAGS="cxx=''",
        )


class GetargspecTest(unittest.TestCase):
    def test_returns_what_it_used_to(self):
        def function(a, b=1, *c, **d):
            pass

        class Layer:
            def __init__(self, incoming, name=None):
                pass

        self.assertEqual(
            tuple(_getargspec(function)), (['a', 'b'], 'c', 'd', (1,))
        )
        spec = _getargspec(Layer.__init__)
        self.assertEqual(spec.args, ['self', 'incoming', 'name'])
        self.assertEqual(spec.defaults, (None,))
        self.assertIsNone(spec.varargs)
        self.assertIsNone(spec.keywords)

    def test_refuses_other_parameters(self):
        def keyword_only(a, *, b):
            pass

        def annotated(a: int):
            pass

        for function in [keyword_only, annotated]:
            with self.assertRaisesRegex(ValueError, 'signature'):
                _getargspec(function)
