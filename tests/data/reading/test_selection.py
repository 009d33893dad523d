import argparse
import contextlib
import io
import unittest

from kneerepro.data.reading.selection import (
    Selection,
    add_arguments,
    selection_of,
)


class SelectionTest(unittest.TestCase):
    def test_thesis(self):
        for description in 'SAG_3D_DESS_LEFT', 'x sag_3d_dess_right y':
            self.assertIn(description, Selection())
        for description in 'SAG_3D_DESS', 'COR_IW_TSE_LEFT', '':
            self.assertNotIn(description, Selection())

    def test_pattern(self):
        self.assertIn('T2 map', Selection('^t2'))
        self.assertNotIn('a T2 map', Selection('^t2'))

    def test_all(self):
        self.assertIn('', Selection(None))

    def test_explain(self):
        text = Selection('x').explain(['COR', 'T2', 'T2'])
        self.assertIn("matches 'x': 'T2' (2), 'COR' (1);", text)
        self.assertEqual(Selection('x').explain([]), '')

    def test_composed_and_decomposed_letters(self):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        args = parser.parse_args(['--series-description', 'e\u0301quilibre'])
        self.assertIn('Genou \u00e9quilibre', selection_of(args))

    def test_explain_prints_no_controls(self):
        text = Selection('x').explain(['\x1b[31m\n\u202e'])
        self.assertIn(r"'\x1b[31m\n\u202e' (1)", text)

    def test_explain_names_the_most_frequent(self):
        text = Selection('x').explain('aabbccddeef')
        self.assertIn("'e' (2)", text)
        self.assertNotIn("'f'", text)


class ArgumentsTest(unittest.TestCase):
    def parse(self, *arguments):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        return selection_of(parser.parse_args(arguments))

    def test_selection(self):
        self.assertEqual(self.parse(), Selection())
        self.assertEqual(self.parse('--any-series'), Selection(None))
        self.assertEqual(
            self.parse('--series-description', 'T2'), Selection('T2')
        )

    def test_no_regular_expression(self):
        with (
            contextlib.redirect_stderr(io.StringIO()) as errors,
            self.assertRaises(SystemExit),
        ):
            self.parse('--series-description', 'T2[')
        self.assertIn('is no regular expression', errors.getvalue())
