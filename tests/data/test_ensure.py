import os

from kneerepro.data.ensure import ensure_dataset
from kneerepro.data.reading.selection import Selection
from kneerepro.utils.errors import UserError
from tests.data.test_prepare import KEY, LIMITS, OPTIONS, PrepareTest


class EnsureDatasetTest(PrepareTest):
    def run_for(self, path):
        lines = []
        result = ensure_dataset(
            path,
            self.out,
            OPTIONS,
            Selection(),
            key=lambda: KEY,
            limits=LIMITS,
            report=lines.append,
        )
        return result, lines

    def test_source(self):
        result, lines = self.run_for(self.source)
        self.assertEqual(result, self.out)
        self.assertRegex(lines[0], '4 series converted')
        self.assertEqual(self.run_for(self.source), (self.out, []))
        os.utime(self.path('dicom', '1.1', '1.1-2'))
        self.assertTrue(self.run_for(self.source)[1])  # made again

    def test_dataset_file(self):
        self.prepare()
        path, self.out = self.out, self.path('other.h5')
        self.assertEqual(self.run_for(path), (path, []))
        self.assertFalse(os.path.exists(self.out))

    def test_leaves_nothing_where_it_fails(self):
        for path in [self.path('dicom', '1.1'), self.path('nowhere')]:
            with self.assertRaises(UserError):
                self.run_for(path)
            self.assertFalse(os.path.exists(self.path('out')))
