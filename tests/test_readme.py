"""README.rst and the documentation agree with the code."""

import os
import re
import unittest

from kneerepro.data.reading.defects import NOTES, REJECTIONS
from tests.subprocesses import ROOT


def read(page):
    """The text of a page."""
    with open(os.path.join(ROOT, page), encoding='utf-8') as file:
        return file.read()


def blocks(text, opening):
    """The indented blocks after lines that match `opening`."""
    for found in re.finditer(
        rf'(?m){opening}\n\n((?:(?: {{4}}.*)?\n)+)', text
    ):
        yield re.sub('(?m)^ {4}', '', found.group(1))


class ReadmeTest(unittest.TestCase):
    def test_linked_files_exist(self):
        for path in re.findall(
            r'<((?!https?:)[^<>]+/[^<>]+)>`_', read('README.rst')
        ):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)

    def test_data_page_explains_all_defect_codes(self):
        text = read('docs/data.rst').replace('``', '')  # flags are literals
        for code, meaning in [*REJECTIONS.items(), *NOTES.items()]:
            self.assertRegex(text, rf'(?m)^{code} +{re.escape(meaning)}$')
