import importlib.util
import unittest

from tests.engine.suites import theano_module


def check(value):
    pass


@unittest.skipUnless(importlib.util.find_spec('nose'), 'needs nose')
class NamesTest(unittest.TestCase):
    def test_generated_tests_are_numbered(self):
        from nose.case import FunctionTestCase, Test

        names = theano_module.Names()
        tests = [
            Test(FunctionTestCase(check, arg=(object(),))) for _ in range(2)
        ]
        expected = [f'{__name__}.check 1', f'{__name__}.check 2']
        for _ in range(2):
            self.assertEqual([names.of(test) for test in tests], expected)

    def test_classes_that_a_function_makes(self):
        from nose.case import Test

        class MadeTest(unittest.TestCase):
            def test_it(self):
                pass

        self.assertEqual(
            theano_module.Names().of(Test(MadeTest('test_it'))),
            f'{__name__}.MadeTest.test_it',
        )


class ModulesTest(unittest.TestCase):
    def test_modules_whose_ops_have_c_code_only(self):
        name = 'theano.tensor.nnet.tests.test_corr'
        self.assertTrue(theano_module.needs_c(f'{name}:TestCorr2D'))
        self.assertFalse(theano_module.is_compared_with_c(name))
        self.assertFalse(theano_module.needs_c(f'{name}_other'))
