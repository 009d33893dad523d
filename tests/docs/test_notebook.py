"""The notebook of the documentation. ``make docs`` runs its code."""

import json
import os
import unittest

from tests.subprocesses import ROOT

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
