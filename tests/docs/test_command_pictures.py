import os
import re
import unittest

from kneerepro import commands
from kneerepro.utils.scripts import SCRIPTS
from tests.docs.common import documentation
from tests.subprocesses import ROOT

DOCS = os.path.join(ROOT, 'docs')


def page():
    with open(os.path.join(DOCS, 'commands.rst'), encoding='utf-8') as file:
        return file.read()


class PageTest(unittest.TestCase):
    def test_has_every_command(self):
        text = page()
        for name in commands.COMMANDS:
            found = [f'``{name}``', *(
                script
                for command, script in SCRIPTS.items()
                if command.split()[0] == name
            )]  # fmt: skip
            self.assertTrue(any(words in text for words in found), name)

    def test_pictures(self):
        """All are there, described, and small enough for a repository."""
        text = page()
        paths = re.findall(r'(?m)^\.\. figure:: (.*)$', text)
        self.assertGreater(len(paths), 12)
        self.assertEqual(len(paths), len(re.findall(r'\n   :alt: \w', text)))
        for path in paths:
            size = os.path.getsize(os.path.join(DOCS, path))
            self.assertLess(size, 150_000, path)

    def test_texts_are_there(self):
        included = re.findall(r'(?m)^\.\. include:: (.*)$', page())
        self.assertEqual(len(included), 3)
        for path in included:
            self.assertTrue(os.path.exists(os.path.join(DOCS, path)), path)


class TableTest(unittest.TestCase):
    def test_first_cells(self):
        lines = [
            'volume,patient,side,series,z1,z2,z3,z4,z5',
            *(
                f'{i},0123456789abcdef,LEFT,1.2.826.0.1,0.123456,1,0.5,-0.25,3'
                for i in range(5)
            ),
        ]
        headings, *rows = documentation('command_pictures').first_cells(
            iter(lines)
        )
        self.assertEqual(headings[:3] + headings[-2:], [
            'volume', 'patient', 'side', 'z4', '…',
        ])  # fmt: skip
        self.assertEqual(len(rows), 3)
        self.assertEqual(
            rows[2],
            ['2', '0123456789…', 'LEFT', '1.2.826.0.…', '0.1235', '1',
             '0.5000', '-0.2500', '…'],
        )  # fmt: skip
