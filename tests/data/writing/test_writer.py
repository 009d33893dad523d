import os

from kneerepro.data.writing.writer import FolderWriter
from tests.data.writing.grids import SAGITTAL, output
from tests.folders import FolderTest


class TextWriter(FolderWriter):
    folder = 'text'

    def add(self, output, subject):
        with open(self._path(output, '.txt'), 'w') as file:
            file.write(output.title)


class FolderWriterTest(FolderTest):
    def names(self, count, *numbers):
        with TextWriter(self.folder, count) as writer:
            for number in numbers:
                writer.add(output(SAGITTAL, number), None)
        return sorted(os.listdir(self.path('text')))

    def test_paths(self):
        self.assertEqual(TextWriter.paths('a'), ['a/text/'])

    def test_names(self):
        self.assertEqual(
            self.names(2, 0, 1),
            ['volume_000_reconstruction.txt', 'volume_001_reconstruction.txt'],
        )
        self.assertEqual(
            self.read('text/volume_000_reconstruction.txt'),
            b'kneerepro reconstruction',
        )

    def test_digits(self):
        # Sorted by name, the volumes are in order.
        for count, name in [
            (1000, 'volume_007_reconstruction.txt'),
            (1001, 'volume_0007_reconstruction.txt'),
        ]:
            self.assertEqual(self.names(count, 7), [name])

    def test_without_number(self):
        self.assertEqual(self.names(1, None), ['reconstruction.txt'])

    def test_a_failure_leaves_nothing(self):
        with (
            self.assertRaises(KeyError),
            TextWriter(self.folder, 1) as writer,
        ):
            writer.add(output(SAGITTAL), None)
            raise KeyError
        self.assertEqual(os.listdir(self.folder), [])
