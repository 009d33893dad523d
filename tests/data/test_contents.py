import numpy as np

from kneerepro.data.contents import describe_dataset, is_dataset
from kneerepro.data.dataset import new_dataset
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class ContentsTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.out = self.path('knees.h5')

    def write_dataset(self, sides, labels, **provenance):
        with new_dataset(self.out, (2, 3, 3)) as writer:
            for i, side in enumerate(sides):
                volume = np.zeros((2, 3, 3), 'float32')
                writer.append(volume, f'p{i // 2}', side, certain=i > 0)
            writer.labels = labels
            writer.provenance = provenance

    def lines(self):
        return list(describe_dataset(self.out))

    def test_describe(self):
        self.write_dataset(
            ['LEFT', 'RIGHT', ''],
            {
                'KL': [3.0, np.nan, 3.0],
                'width, mm': [70.25, 80.5, 1234.5],
                'sex': ['2: f', '', '1: m'],
            },
            options={'normalise': 'slice', 'flip_left': True},
        )
        first, *others = self.lines()
        self.assertRegex(
            first, 'knees.h5: 3 volumes of 2 x 3 x 3, hash [0-9a-f]{12}$'
        )
        self.assertEqual(
            others,
            [
                '  patients: 2; volumes without a PatientID: 1',
                '  sides: LEFT (1), RIGHT (1), unknown (1)',
                '  scaled by: slice; left knees mirrored: yes',
                '  columns of labels: 3',
                "    'KL': 3 (2), missing (1)",
                "    'width, mm': 70.25 (1), 80.5 (1), 1234.5 (1)",
                "    'sex': '1: m' (1), '2: f' (1), missing (1)",
            ],
        )

    def test_many_values(self):
        self.write_dataset(
            ['LEFT'] * 12,
            {
                'width': [*np.arange(11) / 2, np.nan],
                'text': [f'text {i}' for i in range(12)],
            },
        )
        self.assertEqual(
            self.lines()[-2:],
            [
                "    'width': 0 to 5, missing (1)",
                "    'text': 12 different texts",
            ],
        )

    def test_many_columns(self):
        self.write_dataset(
            ['LEFT'], {f'V{i:02d}': [float(i)] for i in range(1000)}
        )
        lines = self.lines()
        self.assertEqual(lines[-22], '  columns of labels: 1000')
        self.assertEqual(lines[-21], "    'V00': 0 (1)")
        self.assertEqual(lines[-1], '    and 980 others')

    def test_control_characters(self):
        """They do not reach the terminal."""
        self.write_dataset(['LEFT'], {'a\x1b[2J': ['\u202eb']})
        self.assertEqual(self.lines()[-1], "    'a\\x1b[2J': '\\u202eb' (1)")

    def test_damaged(self):
        self.write_dataset(['LEFT'], {})
        self.assertTrue(is_dataset(self.out))
        with open(self.out, 'ab') as file:
            file.write(b'x')
        self.assertTrue(is_dataset(self.out))
        with self.assertRaisesRegex(UserError, 'is damaged'):
            self.lines()

    def test_is_dataset(self):
        self.assertFalse(is_dataset(self.write('x.h5', 'something')))
        self.assertFalse(is_dataset(self.path('nowhere')))
        self.assertFalse(is_dataset(self.folder))
