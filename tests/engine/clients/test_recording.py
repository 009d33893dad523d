import unittest

import numpy as np
import theano
import theano.tensor as T

from tests.engine.clients.recording import Recorder
from tests.engine.compare import torch, torch_mode
from tests.folders import FolderTest
from tests.modes import AS_WRITTEN


class RecorderTest(FolderTest):
    def recorded(self, run):
        """What is recorded while `run` runs."""
        function = theano.compile.function_module.Function
        for changed, name in [
            (theano.gof.Variable, 'eval'),
            *(
                (kind, '__call__')
                for kind in (function, *function.__subclasses__())
            ),
        ]:
            self.addCleanup(setattr, changed, name, getattr(changed, name))
        recorder = Recorder(self.path('record.npz'), 100)
        recorder.install()
        run()
        recorder.write()
        with np.load(self.path('record.npz')) as file:
            return dict(file)

    def test_results_and_updated_variables(self):
        x, w = T.dvector(), theano.shared(np.zeros(2), 'w')
        step = theano.function(
            [x],
            {'sum': x.sum(), 'both': 2 * x},
            updates=[(w, w + x)],
            mode=AS_WRITTEN,
        )
        found = self.recorded(lambda: [step([1, 2]), step([3, 4])])
        self.assertEqual(found["call 1['sum']"].tolist(), [7])
        self.assertEqual(found["call 0['both']"].tolist(), [2, 4])
        self.assertEqual(found['shared 0 w'].tolist(), [4, 6])

    @unittest.skipUnless(torch, 'PyTorch is not installed')
    def test_calls_of_the_engine(self):
        x = T.dvector()
        f = theano.function([x], x.sum(), mode=torch_mode('cpu'))
        found = self.recorded(lambda: [f(np.ones(n)) for n in (2, 3)])
        self.assertEqual([found['call 0'], found['call 1']], [2, 3])

    def test_part_of_a_large_array(self):
        f = theano.function([], T.arange(5000), mode=AS_WRITTEN)
        found = self.recorded(f)
        self.assertEqual(found['constant 0'].tolist(), list(range(0, 5000, 5)))
        self.assertEqual(found['constant 0, shape'].tolist(), [5000])

    def test_what_is_not_counted(self):
        x, w = T.dscalar(), theano.shared(1.0)
        constant = theano.function([], w * 5, mode=AS_WRITTEN)
        update = theano.function([], w, updates=[(w, w + 1)], mode=AS_WRITTEN)
        found = self.recorded(
            lambda: [(x * 2).eval({x: 3}), constant(), update(), update()]
        )
        self.assertEqual(found['constant 0'].tolist(), [6])
        self.assertEqual(found['constant 1'].tolist(), [5])
        self.assertEqual(found['call 1'].tolist(), [2])
        self.assertNotIn('call 2', found)
