import unittest

from kneerepro.data.reading.criteria import (
    IDENTITY,
    VOLUMES,
    component,
)
from kneerepro.data.reading.defects import REJECTIONS
from tests.data.series import make_slices


def criterion(name, keyword=None):
    return next(
        one
        for one in IDENTITY + VOLUMES
        if one.name == name and keyword in (None, one.keyword)
    )


class ComponentTest(unittest.TestCase):
    def test_component(self):
        for image_type, expected in [
            ('ORIGINAL\\PRIMARY\\M\\ND\\NORM', 'magnitude'),
            ('ORIGINAL\\PRIMARY\\M_FFE\\M\\FFE', 'magnitude'),
            ('ORIGINAL\\PRIMARY\\P\\ND', 'phase'),
            ('ORIGINAL\\PRIMARY\\PHASE MAP\\P\\FFE', 'phase'),
            ('DERIVED\\PRIMARY\\R_IR\\R\\IR', 'real'),
            ('original\\primary\\ i \\ND', 'imaginary'),
            ('ORIGINAL\\PRIMARY\\VOLUME\\NONE\\PHASE', 'phase'),
            ('ORIGINAL\\PRIMARY\\VOLUME\\NONE\\MIXED', ''),
            ('DERIVED\\SECONDARY\\MPR\\DIS2D', ''),
            ('ORIGINAL\\PRIMARY', ''),
            ('', ''),
        ]:
            header = make_slices(1, image_type=image_type)[0].header
            self.assertEqual(component(header), expected, image_type)


class NumbersTest(unittest.TestCase):
    def assert_numbers(self, criterion, field, values, expected):
        slices = [
            image
            for value in values
            for image in make_slices(1, **{field: value})
        ]
        self.assertEqual(criterion.numbers(slices), expected)

    def test_with_tolerance(self):
        self.assert_numbers(
            criterion('echo'),
            'echo_time',
            [30.0, 4.71, None, 30.001, 4.7100000381],
            [1, 0, None, 1, 0],
        )
        self.assert_numbers(
            criterion('time'), 'temporal_position', [2.0, 10.0, 1.0], [1, 2, 0]
        )
        self.assert_numbers(
            criterion('echo'), 'echo_time', [None] * 2, [None] * 2
        )
        # 0 is a value.
        self.assert_numbers(criterion('echo'), 'echo_time', [2.0, 0.0], [1, 0])

    def test_orientations(self):
        def tilted(cosine):
            return (cosine, (1 - cosine**2) ** 0.5, 0.0, 0.0, -0.0, -1.0)

        for middle, noise in [(0.125, 5e-7), (0.005, 1e-4), (0.1, 1e-3)]:
            values = [tilted(middle - noise), tilted(middle + noise)]
            self.assert_numbers(
                criterion('orientation'),
                'orientation',
                [*values, tilted(middle + 0.1), (0.0, -0.0) * 3, None],
                [1, 1, 2, 0, None],
            )

    def test_texts(self):
        self.assert_numbers(
            criterion('stack'), 'stack', ['10', 'a', '', '9'], [1, 2, None, 0]
        )
        self.assert_numbers(
            criterion('stack'),
            'stack',
            ['nan', '-1', 'inf', '2'],
            [3, 0, 2, 1],
        )
        self.assert_numbers(
            criterion('acquisition'), 'acquisition', [10**400, 2], [1, 0]
        )
        # Case distinguishes people.
        self.assert_numbers(
            criterion('patient'), 'patient', ['p1', '', 'P1'], [1, None, 0]
        )

    def test_sides(self):
        self.assert_numbers(
            criterion('side'), 'laterality', ['R', 'left', 'B'], [1, 0, None]
        )
        self.assert_numbers(
            criterion('side'),
            'description',
            ['SAG_3D_DESS_RIGHT', 'knee left', 'knee'],
            [1, 0, None],
        )

    def test_components(self):
        self.assert_numbers(
            criterion('component'),
            'image_type',
            ['A\\P', 'A\\M', 'A\\I', '', 'A\\R'],
            [1, 0, 3, None, 2],
        )


class CodesTest(unittest.TestCase):
    def test_codes(self):
        for one in IDENTITY + VOLUMES:
            self.assertIn(one.unclear, [None, *REJECTIONS])
