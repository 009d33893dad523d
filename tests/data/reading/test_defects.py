import errno
import unittest

from kneerepro.data.reading.defects import (
    NOTES,
    REJECTIONS,
    Defect,
    DefectError,
    defect_of,
)


class CodesTest(unittest.TestCase):
    def test_style(self):
        for code in [*REJECTIONS, *NOTES]:
            self.assertRegex(code, '^[A-Z]+(_[A-Z]+)*$')

    def test_no_code_means_two_things(self):
        self.assertFalse(set(REJECTIONS) & set(NOTES))


class DefectErrorTest(unittest.TestCase):
    def test_message(self):
        error = DefectError('NO_VOLUME', 'nothing')
        self.assertEqual(str(error), 'NO_VOLUME: nothing')

    def test_unknown_code(self):
        with self.assertRaises(AssertionError):
            DefectError('UNHEARD_OF', '')


class DefectOfTest(unittest.TestCase):
    def test_known(self):
        self.assertEqual(
            defect_of(DefectError('NO_VOLUME', 'nothing'), 'COLOUR'),
            Defect('NO_VOLUME', 'nothing'),
        )

    def test_of_the_operating_system(self):
        error = FileNotFoundError(errno.ENOENT, 'gone', '/data/Jane')
        self.assertEqual(
            defect_of(error, 'COLOUR'),
            Defect('UNREADABLE', 'No such file or directory'),
        )

    def test_unexpected(self):
        """Whatever it says, it may say it of a person."""
        for error in ValueError('Jane'), MemoryError(), OSError('Jane'):
            name = type(error).__name__
            self.assertEqual(
                defect_of(error),
                Defect('UNREADABLE', f'it cannot be read ({name})'),
            )
            self.assertEqual(
                defect_of(error, 'UNDECODABLE_PIXELS').code,
                'UNDECODABLE_PIXELS',
            )
