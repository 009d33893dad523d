"""Tests of the package as a whole."""

import doctest
import importlib
import os
import re
import unittest

import layers

FOLDER = os.path.dirname(layers.__file__)
FILES = sorted(name for name in os.listdir(FOLDER) if name.endswith('.py'))


class PackageTest(unittest.TestCase):
    def test_can_be_copied_alone(self):
        # Other Lasagne code copies the folder as it is.
        allowed = {'layers', 'lasagne', 'theano', 'numpy'} | {
            '__future__',
            'collections',
            'itertools',
        }
        for name in FILES:
            with open(os.path.join(FOLDER, name), encoding='utf-8') as file:
                imports = re.findall(
                    r'^\s*(?:from|import) (\w+)', file.read(), re.M
                )
            self.assertLessEqual(set(imports), allowed, name)

    def test_examples_in_docstrings(self):
        attempted = 0
        for name in FILES:
            module = importlib.import_module(
                'layers' if name == '__init__.py' else f'layers.{name[:-3]}'
            )
            result = doctest.testmod(module)
            self.assertEqual(result.failed, 0, name)
            attempted += result.attempted
        self.assertGreater(attempted, 20)
