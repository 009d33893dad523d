"""Tests of what a run records about versions and machine."""

import json
import os
import subprocess
import sys
import unittest
from unittest import mock

import kneerepro
from kneerepro.runs import environment


class EnvironmentTest(unittest.TestCase):
    def test_it_can_be_converted_to_json(self):
        found = environment.describe('the engine')
        self.assertEqual(json.loads(json.dumps(found)), found)
        self.assertEqual(found['engine'], 'the engine')
        self.assertEqual(found['kneerepro'], kneerepro.__version__)
        self.assertEqual(found['Theano'], '1.0.5')
        self.assertGreaterEqual(found['cores'], 1)
        self.assertTrue(found['processor'])
        self.assertEqual(found['command'], sys.argv)
        found = environment.describe('the engine', ('train', '--epochs=5'))
        self.assertEqual(found['command'], ['train', '--epochs=5'])

    def test_packages_that_are_not_installed_are_missing(self):
        with mock.patch.object(environment, '_PACKAGES', ('no-such', 'numpy')):
            found = environment.describe('the engine')
        self.assertNotIn('no-such', found)
        self.assertIn('numpy', found)


class RevisionTest(unittest.TestCase):
    def test_checkout(self):
        with (
            mock.patch('os.path.exists', return_value=True),
            mock.patch('subprocess.run') as run,
        ):
            run.return_value.stdout = '0123456789ab-dirty\n'
            self.assertEqual(environment.revision(), '0123456789ab-dirty')
        root = os.path.dirname(os.path.dirname(kneerepro.__file__))
        self.assertEqual(run.call_args[1]['cwd'], root)

    def test_installed_package(self):
        with mock.patch('os.path.exists', return_value=False):
            self.assertIsNone(environment.revision())

    def test_git_fails(self):
        for error in OSError(), subprocess.CalledProcessError(1, 'git'):
            with (
                mock.patch('os.path.exists', return_value=True),
                mock.patch('subprocess.run', side_effect=error),
            ):
                self.assertIsNone(environment.revision())
