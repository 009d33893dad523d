import json
from collections import Counter
from dataclasses import replace

import numpy as np

from kneerepro.data.labels import Knee
from kneerepro.data.outcomes import outcomes_of_files
from kneerepro.data.part_files import (
    Part,
    PartFile,
    Whole,
    new_part,
    read_volume,
)
from kneerepro.data.reading.identity import Identity
from kneerepro.utils.errors import UserError
from tests.data.test_outcomes import (
    LOCATOR,
    FakeCatalogue,
    conversion,
    outcome,
    record,
)
from tests.folders import FolderTest

VOLUMES = np.random.RandomState(1).rand(2, 3, 4, 4).astype('float32')


class PartTest(FolderTest):
    def test_parse(self):
        for text, number, count in [
            ('3/16', 3, 16),
            ('1/1', 1, 1),
            ('007/010', 7, 10),
        ]:
            self.assertEqual(Part.parse(text), Part(number, count))
        for text in '', '3', '3/', '/3', '-1/3', '1/2/3', '1 / 3', '٣/16':
            with self.assertRaisesRegex(ValueError, 'not of the form 3/16'):
                Part.parse(text)
        for text in '0/16', '17/16', '0/0':
            with self.assertRaisesRegex(ValueError, 'the parts are 1/'):
                Part.parse(text)

    def test_path(self):
        self.assertEqual(
            Part(3, 16).path('a.b/knees.h5'), 'a.b/knees.part-3-of-16.h5'
        )

    def test_siblings(self):
        self.assertEqual(
            Part(2, 3).siblings(), [Part(1, 3), Part(2, 3), Part(3, 3)]
        )

    def parts_of(self, records, count):
        """The numbers of the parts that include each of some series."""
        return [
            [
                part.number
                for part in Part(1, count).siblings()
                if part.includes(record)
            ]
            for record in records
        ]

    def test_each_series_is_in_one_part(self):
        records = [record(uid=f'1.2.{i}') for i in range(400)]
        numbers = self.parts_of(records, 4)
        self.assertEqual({len(found) for found in numbers}, {1})
        counts = Counter(found[0] for found in numbers)
        self.assertEqual(set(counts), {1, 2, 3, 4})
        self.assertGreater(min(counts.values()), 70)
        self.assertEqual(self.parts_of(records, 1), [[1]] * 400)

    def test_what_decides(self):
        """The UID, or what distinguishes a volume without one."""
        first, second = self.parts_of(
            [record(uid='1.2.3', part=f'echo {i}') for i in (1, 2)], 64
        )
        self.assertEqual(first, second)
        # So that another version of this package divides alike.
        self.assertEqual(first, [39])
        volumes = [
            record(uid='', identity=Identity(f'k.npy  {i}', False, []))
            for i in range(40)
        ]
        self.assertGreater(
            len({found[0] for found in self.parts_of(volumes, 64)}), 20
        )


class PartFileTest(FolderTest):
    def make(self, part, labels=None):
        path = self.path(f'{part.number}.h5')
        self.whole = Whole({'labels': labels, 'key': 'x'}, 9, 'abc')
        files = outcomes_of_files(FakeCatalogue(), LOCATOR)
        with new_part(path, part, self.whole, files, (3, 4, 4)) as writer:
            for position, series, values in [
                (2, outcome(record(), conversion('a')), VOLUMES[0]),
                (5, outcome(record(selected=False)), None),
                (7, outcome(record(), conversion('b')), VOLUMES[1]),
            ]:
                writer.add(position, series, values)
        return path

    def test_comes_back(self):
        path = self.make(Part(1, 4))
        found = PartFile(path)
        self.assertEqual(
            (found.path, found.part, found.whole, found.shape),
            (path, Part(1, 4), self.whole, (3, 4, 4)),
        )
        self.assertEqual(
            found.files, list(outcomes_of_files(FakeCatalogue(), LOCATOR))
        )
        self.assertEqual(
            [position for position, _ in found.outcomes], [2, 5, 7]
        )
        first, second, third = (series for _, series in found.outcomes)
        expected = outcome(record(), conversion('a'))
        self.assertEqual(
            first,
            replace(
                expected,
                volume=replace(expected.volume, path=path, knee=Knee('')),
            ),
        )
        self.assertEqual(second, outcome(record(selected=False)))
        for series, values in (first, VOLUMES[0]), (third, VOLUMES[1]):
            np.testing.assert_array_equal(read_volume(series.volume), values)
        summary = found.summary()
        self.assertEqual(
            (summary.converted, summary.rejected, summary.not_selected),
            (2, 0, 1),
        )

    def test_files_are_in_the_first_part(self):
        self.assertEqual(PartFile(self.make(Part(2, 4))).files, [])

    def test_patients_are_kept_for_labels_alone(self):
        labels = {'sha256': '0', 'columns': None}
        for made_with, knee in (None, Knee('')), (labels, Knee('P', 'LEFT')):
            found = PartFile(self.make(Part(1, 4), made_with))
            self.assertEqual(found.outcomes[0][1].volume.knee, knee)

    def test_without_series(self):
        path = self.path('v.h5')
        with new_part(
            path, Part(2, 2), Whole({'labels': None}, 1, ''), [], (3, 4, 4)
        ):
            pass
        found = PartFile(path)
        self.assertEqual((found.outcomes, found.shape), ([], (3, 4, 4)))

    def test_damaged(self):
        content = bytearray(self.read(self.make(Part(1, 4))))
        place = content.index(json.dumps('abc').encode())
        content[place + 1] ^= 1
        path = self.write('spoilt', bytes(content))
        with self.assertRaisesRegex(UserError, 'damaged'):
            PartFile(path)
