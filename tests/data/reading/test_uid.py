import unittest

from kneerepro.data.reading.uid import is_uid


class UidTest(unittest.TestCase):
    def test_form(self):
        for text in '1.2.840.10008', '9', '1' * 64:
            self.assertTrue(is_uid(text), text)
        for text in '', '1' * 65, '1.2.3 ', 'Jane', '1.2.x', '1\n':
            self.assertFalse(is_uid(text), text)
