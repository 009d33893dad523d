import unittest
from dataclasses import replace

from kneerepro.data.reading import checks
from kneerepro.data.reading.checks import Limits, find_defect
from kneerepro.data.reading.defects import REJECTIONS
from kneerepro.data.reading.series import Series
from tests.data.series import make_slices, shuffled

LIMITS = Limits(16, 80.0)


def series(slices, part=''):
    return Series('1.2', part, shuffled(slices))


def changed(i=3, count=60, field=None, **header):
    """A good series except for one slice."""
    slices = make_slices(count)
    slices[i] = replace(
        slices[i],
        header=replace(slices[i].header, **header),
        **(field or {}),
    )
    return series(slices)


def moved(i, x):
    """A good series except for the position of one slice."""
    return changed(i, field={'position': (x, 10.0, 20.0)})


class ChecksTest(unittest.TestCase):
    def assert_defect(self, code, check, series, message='.'):
        """The check finds the defect, and no check before it finds any."""
        defect = check(series, LIMITS)
        self.assertIsNotNone(defect)
        self.assertEqual(defect.code, code)
        self.assertRegex(defect.message, message)
        self.assertEqual(find_defect(series, LIMITS), defect)
        self.assertIn(code, REJECTIONS)

    def test_good(self):
        good = series(make_slices(60))
        for check in checks.CHECKS:
            self.assertIsNone(check(good, LIMITS), check)
        self.assertIsNone(find_defect(good, LIMITS))

    def test_modality(self):
        self.assert_defect(
            'NOT_MR', checks.check_modality, changed(modality='CT')
        )
        self.assert_defect(
            'NOT_MR', checks.check_modality, changed(modality='')
        )

    def test_files(self):
        for code in 'TRUNCATED_PIXELS', 'SIZE_ABSURD', 'NO_PIXEL_DATA':
            self.assert_defect(
                code,
                checks.check_files,
                changed(field={'defect': code}),
                '^1 of 60 images',
            )

    def test_colour(self):
        self.assert_defect(
            'COLOUR',
            checks.check_colour,
            changed(samples=3, photometric='RGB'),
        )
        self.assert_defect(
            'COLOUR', checks.check_colour, changed(photometric='PALETTE COLOR')
        )
        for photometric in 'MONOCHROME1', '':
            self.assertIsNone(
                find_defect(changed(photometric=photometric), LIMITS)
            )

    def test_sizes(self):
        self.assert_defect(
            'MIXED_SIZES',
            checks.check_sizes,
            changed(rows=5),
            '4 x 6 and 5 x 6 pixels',
        )
        self.assert_defect(
            'MIXED_SIZES',
            checks.check_sizes,
            changed(pixel_spacing=(0.5, 0.26)),
            'spacing',
        )
        self.assert_defect(
            'MIXED_SIZES',
            checks.check_sizes,
            changed(pixel_spacing=None),
            'spacing',
        )
        rounded = changed(pixel_spacing=(0.50000001, 0.25))
        self.assertIsNone(find_defect(rounded, LIMITS))

    def test_positions(self):
        for spoilt in [
            changed(field={'position': None}),
            changed(orientation=None),
            series(make_slices(60, orientation=(1, 0, 0, 1, 0, 0))),
            series(make_slices(60, orientation=(0, 2, 0, 0, 0, -2))),
        ]:
            self.assert_defect('NO_POSITIONS', checks.check_positions, spoilt)

    def test_orientations(self):
        self.assert_defect(
            'MIXED_ORIENTATIONS',
            checks.check_orientations,
            changed(orientation=(1, 0, 0, 0, 1, 0)),
        )
        rounded = changed(orientation=(0.001, 0.9999, 0, 0, 0, -1))
        self.assertIsNone(find_defect(rounded, LIMITS))

    def test_count(self):
        for count in 1, 8, 15:
            self.assert_defect(
                'TOO_FEW_SLICES',
                checks.check_count,
                series(make_slices(count, step=10)),
                f'^{count} slices',
            )
        self.assertIsNone(find_defect(series(make_slices(16, 10)), LIMITS))

    def test_duplicate_slices(self):
        self.assert_defect(
            'DUPLICATE_SLICES',
            checks.check_duplicate_slices,
            moved(3, -4 * 1.5),
            '^1 of 60',
        )

    def test_missing_slices(self):
        slices = make_slices(63)
        for missing in [[5], [5, 6], [7, 20, 40]]:
            left = [
                image for i, image in enumerate(slices) if i not in missing
            ]
            self.assert_defect(
                'MISSING_SLICES',
                checks.check_missing_slices,
                series(left),
                f'^{len(missing)} slices',
            )

    def test_spacing(self):
        self.assert_defect(
            'UNEVEN_SPACING',
            checks.check_spacing,
            moved(3, -3.3 * 1.5),
            '1.05 to 1.95 mm',
        )
        # Headers round positions: that is no defect.
        self.assertIsNone(find_defect(moved(3, -3.01 * 1.5), LIMITS))

    def test_coverage(self):
        # Slices 0.7 mm apart, as in the OAI's series.
        for count in 66, 109:
            self.assert_defect(
                'INCOMPLETE_COVERAGE',
                checks.check_coverage,
                series(make_slices(count, 0.7)),
            )
        for count in 118, 155, 156, 159, 160, 176:
            self.assertIsNone(
                find_defect(series(make_slices(count, 0.7)), LIMITS)
            )


class InstanceNumbersTest(unittest.TestCase):
    def disagree(self, numbers, part=''):
        slices = [
            replace(image, number=number)
            for image, number in zip(make_slices(len(numbers)), numbers)
        ]
        return checks.instance_numbers_disagree(Series('1', part, slices))

    def test_agree(self):
        for numbers in [
            range(1, 20),
            range(20, 0, -1),
            range(1, 40, 2),
            range(2, 40, 2),
            [0, 1, 2],
            [None] * 5,
        ]:
            self.assertFalse(self.disagree(list(numbers)))
        self.assertFalse(self.disagree([41, 42, 43], part='stack 2'))

    def test_disagree(self):
        for numbers in [
            [1, 3, 2],
            [1, 2, 4],
            [3, 4, 5],
            [1, 1, 1],
            [1, None, 3],
        ]:
            self.assertTrue(self.disagree(numbers), numbers)
