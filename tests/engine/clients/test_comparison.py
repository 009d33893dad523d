import unittest

import numpy as np

from tests.engine.clients import python2
from tests.engine.clients.comparison import largest_difference
from tests.engine.clients.programs import PROGRAMS
from tests.engine.compare import torch
from tests.engine.suites.scripts import run
from tests.folders import FolderTest

PROGRAM = """
import cPickle, gzip
import numpy as np
import theano
import theano.tensor as T

images, labels = cPickle.load(gzip.open('../data/mnist.pkl.gz'))[0]
x, w = T.matrix(), theano.shared(np.zeros(784))
step = theano.function([x], x.dot(w).sum(), updates=[(w, w + x.sum(0))])
for i in xrange(10 / 4):
    print step(images)
while %s:
    step(images)
"""


class ProgramsTest(unittest.TestCase):
    def test_names_differ(self):
        names = [program.name for program in PROGRAMS]
        self.assertEqual(len(names), len(set(names)))


class LargestDifferenceTest(unittest.TestCase):
    def test_values(self):
        a = {'x': np.array([1.0, 4.0]), 'y': np.array([2])}
        self.assertEqual(largest_difference(a, a)[0], 0)
        b = {**a, 'x': np.array([1.0, 5.0])}
        self.assertEqual(largest_difference(a, b), (0.2, 'x'))

    def test_what_cannot_be_compared(self):
        a = {'x': np.array([1.0, np.nan])}
        self.assertEqual(largest_difference(a, a)[0], 0)
        for x in [1.0], [np.nan, 1.0], [1.0, np.inf], [1.0, 2.0]:
            for pair in (a, {'x': np.array(x)}), ({'x': np.array(x)}, a):
                self.assertEqual(largest_difference(*pair)[0], np.inf)
        self.assertEqual(largest_difference(a, {'y': a['x']})[0], np.inf)


@unittest.skipUnless(torch, 'needs PyTorch')
class ScriptTest(FolderTest):
    @unittest.skipUnless(python2.converter(), 'needs lib2to3 or fissix')
    def test_program_of_ones_own(self):
        """A program in Python 2 that would not end."""
        path = self.write('program.py', PROGRAM % 'True')
        found = run(
            'tests.engine.clients',
            path,
            '--python2',
            '--calls',
            5,
            '--data',
            self.path('data'),
            '--table',
            self.path('table'),
        )
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn('program.py: agrees', found.stdout)
        self.assertIn('5 calls', found.stdout)
        self.assertIn(b'   * - program.py\n     - 5\n', self.read('table'))
