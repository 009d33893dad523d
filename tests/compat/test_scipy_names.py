from tests.compat.test_install import NO_C_CODE, FreshPythonTest


class ScipyNamesTest(FreshPythonTest):
    def test_theano_imports_neither_signal_nor_stats(self):
        self.assert_quiet(
            """
import sys
import kneerepro, theano
names = [
    name
    for name in sys.modules
    if name.startswith(('scipy.signal', 'scipy.stats'))
]
assert not names, names

# Ops that use them import them.
import numpy as np
import theano.tensor as T
from theano.tensor.nnet.abstract_conv import AbstractConv2d, _convolve2d
conv = AbstractConv2d(border_mode='full', filter_flip=True)
out = [[None]]
image = np.array([[[[1., 2]]]], 'float32')
filters = np.array([[[[1., 10]]]], 'float32')
node = conv.make_node(T.tensor4(), T.tensor4())
conv.perform(node, [image, filters], out)
assert out[0][0].tolist() == [[[[1, 12, 20]]]], out
from theano.scalar.basic_scipy import chi2sf
assert abs(chi2sf.impl(2., 2.) - np.exp(-1)) < 1e-6

# Other programs find the real modules, with the old names.
import scipy.signal, scipy.stats
from scipy.signal.signaltools import _valfrommode
assert _valfrommode('full') == 2
assert scipy.stats.norm.cdf(0) == 0.5
""",
            THEANO_FLAGS=NO_C_CODE,
        )

    def test_after_scipy(self):
        self.assert_quiet(
            """
import scipy.signal, scipy.stats
from scipy.signal import signaltools
mine = signaltools._valfrommode = object()
import kneerepro, theano
from theano.tensor.nnet import abstract_conv
assert abstract_conv._valfrommode is mine
assert abstract_conv.convolve is scipy.signal.convolve
assert scipy.stats.norm.cdf(0) == 0.5
""",
            THEANO_FLAGS=NO_C_CODE,
        )
