import unittest

from kneerepro.data.reading import values
from tests.data.series import QuietTest

NAME = 'Müller 膝'


class TextTest(QuietTest):
    def assert_text(self, expected, value, character_set=b''):
        encodings = values.encodings_of(character_set)
        self.assertEqual(values.text(value, encodings), expected)

    def test_single_byte_character_sets(self):
        for character_set, codec, text in [
            (b'ISO_IR 100', 'latin_1', 'Genou équilibré'),
            (b'ISO_IR 101', 'iso8859_2', 'Kolano wyświetlone'),
            (b'ISO_IR 126', 'iso8859_7', 'Γόνατο'),
            (b'ISO_IR 127', 'iso8859_6', 'الركبة'),
            (b'ISO_IR 138', 'iso8859_8', 'ברך'),
            (b'ISO_IR 144', 'iso8859_5', 'Колено'),
            (b'ISO_IR 148', 'iso8859_9', 'Sağ diz'),
            (b'ISO_IR 166', 'tis_620', 'เข่า'),
            (b'ISO_IR 203', 'iso8859_15', 'Cœur €'),
            (b'ISO_IR 13', 'shift_jis', 'ﾔﾏﾀﾞ'),
        ]:
            self.assert_text(text, text.encode(codec), character_set)
            self.assert_text(text, text.encode(codec) + b' \0', character_set)

    def test_multi_byte_character_sets(self):
        for character_set, codec, text in [
            (b'ISO_IR 192', 'utf_8', '膝 knee κ'),
            (b'GB18030', 'gb18030', '膝关节'),
            (b'GBK', 'gbk', '膝关节'),
        ]:
            self.assert_text(text, text.encode(codec), character_set)

    def test_escape_sequences(self):
        for character_set, value in [
            (rb'\ISO 2022 IR 87', '膝 矢状断'.encode('iso2022_jp')),
            (rb'ISO 2022 IR 13\ISO 2022 IR 87', b'\x1b$B\x49\x28\x1b(J L'),
            (rb'\ISO 2022 IR 149', b'\x1b$)C' + '무릎'.encode('euc_kr')),
            (rb'\ISO 2022 IR 58', b'\x1b$)A' + '膝'.encode('gb2312')),
            (rb'\ISO 2022 IR 100', b'\x1b-A' + 'équilibré'.encode('latin_1')),
            (rb'\ISO 2022 IR 126', b'\x1b-F' + 'Γόνατο'.encode('iso8859_7')),
        ]:
            text = values.text(value, values.encodings_of(character_set))
            self.assertNotIn('\x1b', text)
            self.assertFalse(text.isascii())
            # The sequence says what follows, even if the header does not.
            self.assertEqual(values.text(value), text)
        self.assert_text(
            '膝 矢状断', '膝 矢状断'.encode('iso2022_jp'), rb'\ISO 2022 IR 87'
        )
        self.assert_text(
            '膝', b'\x1b$)A' + '膝'.encode('gb2312'), rb'\ISO 2022 IR 58'
        )

    def test_missing_escape_sequence(self):
        for character_set, codec, text in [
            (rb'\ISO 2022 IR 58', 'gb2312', '膝关节'),
            (rb'\ISO 2022 IR 149', 'euc_kr', '무릎'),
            (rb'\ISO 2022 IR 126', 'iso8859_7', 'Γόνατο'),
        ]:
            self.assert_text(text, text.encode(codec), character_set)

    def test_misspelt_names(self):
        for name in (
            b'ISO-IR 100',
            b'ISO IR 100',
            b'iso_ir_100',
            b'ISO_IR100 ',
            b'ISO_IR 100\0',
            b'LATIN1',
        ):
            self.assert_text('é', b'\xe9', name)
        self.assert_text('é', 'é'.encode(), b'UTF-8')

    def test_undeclared(self):
        for character_set in (
            b'',
            b'ISO_IR 6',
            b'unknown',
            b'\xff\0',
            b'utf_16',
        ):
            self.assert_text(NAME, NAME.encode(), character_set)
            self.assert_text('Müller', 'Müller'.encode('latin_1'))

    def test_wrong_character_set_loses_nothing(self):
        """Two people's names stay two names."""
        for character_set in b'ISO_IR 192', b'GB18030', b'ISO_IR 127':
            encodings = values.encodings_of(character_set)
            decoded = {
                values.text(bytes([77, byte, 108]), encodings)
                for byte in range(0x80, 0x100)
            }
            self.assertEqual(len(decoded), 128)

    def test_same_text_however_encoded(self):
        latin = values.text(
            'é'.encode('latin_1'), values.encodings_of(b'ISO_IR 100')
        )
        self.assertEqual(latin, values.text('é'.encode()))
        self.assertEqual(latin, values.text('e\u0301'.encode()))

    def test_never_a_lone_surrogate(self):
        for character_set in b'', b'utf_7', b'unicode_escape', b'ISO_IR 192':
            encodings = values.encodings_of(character_set)
            for value in b'\\ud800', b'+2AA-', b'\xed\xa0\x80', b'\x1b$B\xff':
                values.text(value, encodings).encode()

    def test_nul(self):
        self.assert_text('a b', b'a\0b\0\0')
        self.assertEqual(values.identifier(b'1.2\x003'), '1.2 3')

    def test_all_bytes(self):
        everything = bytes(range(256))
        for character_set in list(values._ENCODINGS):
            encodings = values.encodings_of(character_set.encode())
            self.assertIn('A', values.text(everything, encodings))


class IdentifierTest(unittest.TestCase):
    def test_padding(self):
        self.assertEqual(values.identifier(b'1.2.3\0'), '1.2.3')
        self.assertEqual(values.identifier(b' MR '), 'MR')

    def test_not_ascii(self):
        self.assertEqual(values.identifier(b'1.\xe9'), '1.\\xe9')


UNREADABLE = (
    b'', b' ', b'*', b'img1', b'nan', b'inf', b'-inf', b'1e999', b'4,7',
    b'0x10', b'1_0', '١'.encode(), b'--1', b'1 2', b'\xff', b'9' * 400,
)  # fmt: skip


class NumbersTest(unittest.TestCase):
    def test_integers(self):
        for value, expected in [
            (b'7 ', 7),
            (b'+07', 7),
            (b'-3\0', -3),
            (b'1.0', 1),
            (rb'2\3', 2),
            (b'310305000123', 310305000123),
        ]:
            self.assertEqual(values.integer(value), expected, value)

    def test_unreadable_integers(self):
        for value in (*UNREADABLE, b'1.5', b'45611511711210511010'):
            self.assertIsNone(values.integer(value), value)

    def test_decimals(self):
        for value, count, expected in [
            (b'4.70', 1, (4.7,)),
            (rb'1\-2e1\ .5 ', 3, (1, -20, 0.5)),
            (rb'1\2\3', 2, (1, 2)),
        ]:
            self.assertEqual(values.decimals(value, count), expected)

    def test_unreadable_decimals(self):
        for value in UNREADABLE:
            self.assertIsNone(values.decimals(value, 1), value)
            self.assertIsNone(values.decimal(value), value)
            self.assertIsNone(values.decimals(rb'1\2\\' + value, 3), value)
        self.assertIsNone(values.decimals(rb'1\2', 3))

    def test_limit(self):
        self.assertEqual(values.decimals(rb'1\-9', 2, 9), (1, -9))
        self.assertIsNone(values.decimals(rb'1\-9.1', 2, 9))
