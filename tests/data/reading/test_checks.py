import unittest
from dataclasses import replace

import numpy as np

from kneerepro.data.reading import checks
from kneerepro.data.reading.checks import Limits, find_defect
from kneerepro.data.reading.defects import REJECTIONS, Defect
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


class DefectTest(unittest.TestCase):
    def assert_defect(self, code, check, series, message='.'):
        """The check finds the defect, and no check before it finds any."""
        defect = check(series, LIMITS)
        self.assertIsNotNone(defect)
        self.assertEqual(defect.code, code)
        self.assertRegex(defect.message, message)
        self.assertEqual(find_defect(series, LIMITS), defect)
        self.assertIn(code, REJECTIONS)


class ChecksTest(DefectTest):
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

    def test_separation(self):
        defect = Defect('MIXED_FRAMES', 'found before')
        unclear = Series('1.2', '', make_slices(60), defect)
        self.assert_defect('MIXED_FRAMES', checks.check_separation, unclear)

    def test_component(self):
        self.assert_defect(
            'NOT_MAGNITUDE',
            checks.check_component,
            series(make_slices(60, image_type='ORIGINAL\\PRIMARY\\P')),
            'phase',
        )
        self.assert_defect(
            'NOT_MAGNITUDE',
            checks.check_component,
            changed(image_type='ORIGINAL\\PRIMARY\\R_IR'),
            'real',
        )
        self.assertIsNone(
            find_defect(changed(image_type='ORIGINAL\\PRIMARY\\M'), LIMITS)
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
        for rounded in [(0.50000001, 0.25), (0.5004, 0.2496), None]:
            self.assertIsNone(
                find_defect(changed(pixel_spacing=rounded), LIMITS)
            )
        unknown = series(make_slices(60, pixel_spacing=None))
        self.assertIsNone(checks.check_sizes(unknown, LIMITS))

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
                f'^{len(missing)} of its 63 slices (is|are) missing$',
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


class ShiftsTest(DefectTest):
    def shifted(self, shifts, orientation=(0, 1, 0, 0, 0, -1)):
        """A series whose slices are shifted from the normal, in mm along a
        row and along a column.
        """
        cosines = np.reshape(orientation, (2, 3)).astype(float)
        slices = make_slices(60, orientation=tuple(orientation))
        corners = (
            np.outer(np.arange(60) * 1.5, np.cross(*cosines))
            + [30, -80, 70]
            + np.asarray(shifts, float) @ cosines
        )
        return series(
            [
                replace(image, position=tuple(corner))
                for image, corner in zip(slices, corners.tolist())
            ]
        )

    def assert_shifted(self, shifts, message='.', **kwargs):
        self.assert_defect(
            'SHIFTED_SLICES',
            checks.check_shifts,
            self.shifted(shifts, **kwargs),
            message,
        )

    def assert_straight(self, shifts, **kwargs):
        self.assertIsNone(find_defect(self.shifted(shifts, **kwargs), LIMITS))

    def test_straight(self):
        noise = np.random.RandomState(0).normal(0, 0.01, (60, 2))
        rounded = np.random.RandomState(0).uniform(-0.05, 0.05, (60, 2))
        angle = np.radians(25)
        oblique = (
            np.sin(angle), np.cos(angle), 0,
            0.1 * np.cos(angle), -0.1 * np.sin(angle), -np.sqrt(0.99),
        )  # fmt: skip
        for shifts in np.zeros((60, 2)), noise, rounded:
            self.assert_straight(shifts)
            self.assert_straight(shifts, orientation=oblique)

    def test_orientations_that_differ_slightly(self):
        slices = make_slices(60)
        for i, image in enumerate(slices):
            tilt = 1e-3 * (-1) ** i
            orientation = (tilt, 1.0, 0.0, 0.0, 0.0, -1.0)
            slices[i] = replace(
                image, header=replace(image.header, orientation=orientation)
            )
        self.assertIsNone(find_defect(series(slices), LIMITS))

    def test_sheared(self):
        steps = np.arange(60)[:, np.newaxis] * 1.5
        for slope in [(0, 0.02), (-0.02, 0), (0.1, 0.1), np.tan([0, 0.3])]:
            self.assert_shifted(steps * slope, 'sheared.* mm for each mm')
        self.assert_straight(steps * [0.005, 0.005])

    def test_moved_aside(self):
        halfway = np.arange(60)[:, np.newaxis] >= 30
        every_other = np.arange(60)[:, np.newaxis] % 2
        one = np.arange(60)[:, np.newaxis] == 17
        for which in halfway, every_other, one:
            for shift in [(0, 0.3), (-0.5, 0), (5, 5)]:
                self.assert_shifted(which * shift, 'aside')
        self.assert_straight(every_other * [0.05, 0.05])

    def test_one_slice(self):
        single = series(make_slices(1))
        self.assertIsNone(checks.check_shifts(single, LIMITS))


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
