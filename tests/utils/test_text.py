import unicodedata
import unittest

from kneerepro.utils.text import (
    as_bytes,
    from_bytes,
    pad,
    printable,
    width,
)


class PrintableTest(unittest.TestCase):
    def test_visible_text_stays(self):
        for text in 'Genou équilibré', '膝\u3000矢状断', 'Γόνατο', r'a\b', '':
            self.assertEqual(printable(text), text)
        self.assertEqual(printable('e\u0301'), 'e\u0301')

    def test_escapes(self):
        for text, expected in [
            ('a\x1b[31mb', r'a\x1b[31mb'),
            ('a\nb\tc\r', r'a\nb\tc\r'),
            ('\x7f\x9b', r'\x7f\x9b'),
            ('\u202egpj.exe', r'\u202egpj.exe'),
            ('\u2028\u2029', r'\u2028\u2029'),
            ('a\u200b\ufeff\xad', r'a\u200b\ufeff\xad'),
            ('\u115f\u3164\ufe0f', r'\u115f\u3164\ufe0f'),
            ('\U000e0041', r'\U000e0041'),
            ('\ud800', r'\ud800'),
            ('name\udcff', r'name\xff'),
        ]:
            self.assertEqual(printable(text), expected)

    def test_all_characters(self):
        bidirectional = {'LRE', 'RLE', 'LRO', 'RLO', 'PDF', 'LRI', 'RLI'}
        bidirectional |= {'FSI', 'PDI', 'BN'}
        for code in range(0x110000):
            character = chr(code)
            if (
                unicodedata.category(character)
                in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')
                or unicodedata.bidirectional(character) in bidirectional
            ):
                self.assertTrue(printable(character).isascii(), hex(code))

    def test_twice_is_once(self):
        text = printable('a\x1b\u202e\udcff\n')
        self.assertEqual(printable(text), text)


class WidthTest(unittest.TestCase):
    def test_columns(self):
        for text, columns in ('knee', 4), ('膝', 2), ('e\u0301', 1), ('ﾀ', 1):
            self.assertEqual(width(text), columns)

    def test_pad(self):
        self.assertEqual(pad('膝', 4), '膝  ')
        self.assertEqual(pad('knee', 4), 'knee')


class BytesTest(unittest.TestCase):
    def test_there_and_back(self):
        for value in b'', b'knee', '膝'.encode(), b'a\0b', bytes(range(256)):
            text = from_bytes(value)
            self.assertEqual(as_bytes(text), value)
        # As the names of files.
        self.assertEqual(from_bytes(b'v\xff'), 'v\udcff')
