"""The notebook of the documentation."""

import json
import os
import subprocess
import sys
import unittest

from tests.folders import FolderTest
from tests.subprocesses import ROOT
from tests.test_engines import NEEDS_TORCH

NOTEBOOK = os.path.join(ROOT, 'docs', 'notebook.ipynb')


def cells(kind):
    with open(NOTEBOOK, encoding='utf-8') as file:
        notebook = json.load(file)
    return [cell for cell in notebook['cells'] if cell['cell_type'] == kind]


class NotebookTest(unittest.TestCase):
    def test_has_no_outputs(self):
        # They are made when the documentation is built.
        for cell in cells('code'):
            self.assertEqual(
                (cell['outputs'], cell['execution_count'], cell['metadata']),
                ([], None, {}),
            )

    def test_says_what_the_code_does(self):
        self.assertGreater(len(cells('markdown')), len(cells('code')) / 2)


@NEEDS_TORCH
class CodeTest(FolderTest):
    def test_runs(self):
        code = '\n'.join(''.join(cell['source']) for cell in cells('code'))
        done = subprocess.run(
            [sys.executable, '-c', code],
            cwd=self.folder,
            env={**os.environ, 'PYTHONPATH': ROOT, 'MPLBACKEND': 'Agg'},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('did you mean epochs?', done.stdout)
        self.assertEqual(
            set(os.listdir(self.path('runs'))),
            {'cae3d', 'datasets', 'dcgan', 'knees'},
        )
