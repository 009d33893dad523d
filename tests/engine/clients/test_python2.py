import builtins
import runpy
import unittest
from unittest import mock

import numpy as np

from tests.engine.clients import python2
from tests.folders import FolderTest


@unittest.skipUnless(python2.converter(), 'needs lib2to3 or fissix')
class ConvertTest(FolderTest):
    def run_converted(self, source):
        path = self.write('program.py', source)
        python2.convert(self.folder)
        with mock.patch.object(
            builtins,
            'divide_as_python2',
            python2.divide_as_python2,
            create=True,
        ):
            return runpy.run_path(path)

    def test_syntax_and_division(self):
        found = self.run_converted("""
import cPickle
batches = 10 / 4
half = 7 / 2.
n = 9
n /= 2
for i in xrange(batches):
    print 'batch %d' % i
""")
        self.assertEqual(
            (found['batches'], found['half'], found['n'], found['i']),
            (2, 3.5, 4, 1),
        )

    def test_true_division_that_is_asked_for(self):
        found = self.run_converted("""
from __future__ import division
x = 1 / 2
""")
        self.assertEqual(found['x'], 0.5)


class DivideTest(unittest.TestCase):
    def test_arrays(self):
        integers = np.array([3, -3])
        self.assertEqual(
            python2.divide_as_python2(integers, 2).tolist(), [1, -2]
        )
        self.assertEqual(
            python2.divide_as_python2(integers, 2.0).tolist(), [1.5, -1.5]
        )
        self.assertEqual(python2.divide_as_python2(np.int64(3), 2), 1)

    def test_in_place(self):
        x = np.array([3.0])
        self.assertIs(python2.divide_as_python2(x, 2, True), x)
        self.assertEqual(x.tolist(), [1.5])
