import os
from unittest import mock

import numpy as np

from kneerepro.data.reading import scan as module
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.scan import scan
from kneerepro.utils.workers import Workers
from tests.data.series import write_series
from tests.folders import FolderTest


class ScanTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.catalogue = Catalogue()
        self.addCleanup(self.catalogue.close)
        write_series(self.path('in', 'dicom'), np.ones((3, 4, 4)), '1.2')

    def scan(self, **kwargs):
        counts = []
        with Workers(1) as workers:
            scan(
                self.catalogue,
                [self.path('in')],
                workers,
                depth=4,
                progress=counts.append,
                **kwargs,
            )
        return counts

    def test_kinds_of_files(self):
        np.save(self.path('in', 'v.npy'), np.ones((8, 1, 5, 6)))
        self.write('in/damaged', b'DICM')
        self.write('in/readme.txt', b'about')
        self.write('in/.hidden', b'x')
        self.assertEqual(self.scan(), [7])
        self.assertEqual(len(self.catalogue.slices('1.2')), 3)
        self.assertEqual(
            [(v.index, v.shape) for v in self.catalogue.volumes()],
            [(0, (4, 5, 6)), (1, (4, 5, 6))],
        )
        self.assertEqual(
            [
                (os.path.basename(path), code)
                for path, code, _ in self.catalogue.defective_files()
            ],
            [('damaged', 'NOT_DICOM')],
        )
        self.assertEqual(
            [
                os.path.basename(path)
                for path, _ in self.catalogue.passed_over_files()
            ],
            ['.hidden', 'readme.txt'],
        )

    def test_known_files_are_not_read_again(self):
        self.scan()
        self.write('in/damaged', b'DICM')
        self.assertEqual(self.scan(), [1])
        self.assertEqual(self.scan(), [])
        self.assertEqual(len(self.catalogue.slices('1.2')), 3)

    def test_excluded(self):
        self.assertEqual(self.scan(excluded=[self.path('in', 'dicom')]), [])

    def test_missing_file(self):
        os.symlink(self.path('nowhere'), self.path('in', 'link'))
        self.scan()
        ((path, code, message),) = self.catalogue.defective_files()
        self.assertEqual(
            (path, code, message),
            (
                self.path('in', 'link'),
                'UNREADABLE',
                'No such file or directory',
            ),
        )

    def test_reader_that_crashes(self):
        with mock.patch.object(
            module, 'read_frames', lambda path: os._exit(1)
        ):
            self.scan()
        self.assertEqual(
            [code for _, code, _ in self.catalogue.defective_files()],
            ['UNREADABLE'] * 3,
        )
