"""Tests of the curves that a training writes."""

import importlib.util
import math
import os
import unittest
from unittest import mock

from kneerepro.runs.losses import Board, LossFile, last_value
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest

NAN = math.nan


class LastValueTest(unittest.TestCase):
    def test_last_that_is_not_nan(self):
        self.assertEqual(last_value([NAN, 1.0, 2.0, NAN]), 2.0)

    def test_no_value(self):
        for values in [], [NAN, NAN]:
            self.assertTrue(math.isnan(last_value(values)))


class LossFileTest(FolderTest):
    def open(self, *arguments):
        file = LossFile(*arguments)
        self.addCleanup(file.close)
        return file

    def rows(self):
        return self.read('losses.csv').decode().splitlines()

    def test_rows(self):
        losses = {'train': [NAN], 'test': [0.5]}
        file = self.open(self.path('losses.csv'), ['train', 'test'], losses, 2)
        self.assertEqual(self.rows(), ['iteration,epoch,train,test'])
        for i, (train, test) in enumerate(
            [(0.25, NAN), (0.1, 1e-3), (1 / 3, NAN)], 1
        ):
            losses['train'].append(train)
            losses['test'].append(test)
            file.append(i)
            # The row is there at once, in case the process is killed.
            self.assertEqual(len(self.rows()), i + 2)
        self.assertEqual(
            self.rows()[1:],
            ['0,0,,0.5', '1,1,0.25,', '2,1,0.1,0.001', f'3,2,{1 / 3!r},'],
        )

    def test_rows_from_before_a_resume_are_written_again(self):
        self.write('losses.csv', 'more\nthan\nthere\nshould\nbe\n')
        losses = {'train': [NAN, 1.0, 2.0]}
        file = self.open(self.path('losses.csv'), ['train'], losses, 1)
        losses['train'].append(3.0)
        file.append(3)
        self.assertEqual(
            self.rows(),
            ['iteration,epoch,train', '0,0,', '1,1,1.0', '2,2,2.0', '3,3,3.0'],
        )

    def test_cannot_be_written(self):
        with self.assertRaisesRegex(UserError, 'cannot write .*No such'):
            LossFile(self.path('no', 'losses.csv'), [], {}, 1)

    @unittest.skipUnless(importlib.util.find_spec('resource'), 'no /dev/full')
    def test_full_disk(self):
        with self.assertRaisesRegex(UserError, 'No space left'):
            LossFile('/dev/full', ['train'], {'train': [NAN]}, 1)


class BoardTest(FolderTest):
    def test_without_a_folder(self):
        board = Board(None)
        board.add('loss', {'train': [NAN, 1.0]}, 1)
        board.close()

    def test_not_installed(self):
        with (
            mock.patch('importlib.util.find_spec', lambda name: None),
            self.assertRaisesRegex(UserError, 'pip install tensorboardX'),
        ):
            Board(self.folder)

    @unittest.skipUnless(
        importlib.util.find_spec('tensorboardX'),
        'tensorboardX is not installed',
    )
    def test_events(self):
        board = Board(self.folder)
        board.add('loss', {'train': [NAN, 1.0], 'test': [0.5, NAN]}, 1)
        board.close()
        (name,) = os.listdir(self.folder)
        content = self.read(name)
        self.assertIn(b'loss/train', content)
        self.assertNotIn(b'loss/test', content)
