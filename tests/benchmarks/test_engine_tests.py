import unittest

from tests.benchmarks.common import benchmark


class ModulesTest(unittest.TestCase):
    def test_names_the_missing_package(self):
        engine_tests = benchmark('engine_tests')
        self.assertIn('tests.engine.test_containers', engine_tests.modules())
        self.assertIn('tests.engine.kernels.test_conv', engine_tests.modules())
        found = engine_tests._test_module('no_such_package.tests')
        self.assertEqual(found, {'lacks': 'no_such_package'})
