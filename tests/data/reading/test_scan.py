import os
from collections import Counter
from unittest import mock

import numpy as np
import SimpleITK

from kneerepro.data.reading import scan as module
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.scan import scan
from kneerepro.utils.workers import Workers
from tests.data.mutations import damaged, find_all, outcome, whole_files
from tests.data.series import QuietTest, write_series


class ScanTest(QuietTest):
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

    def test_images(self):
        image = SimpleITK.GetImageFromArray(np.ones((4, 5, 6)))
        for name in 'a.nii.gz', 'b.mhd', 'c.nhdr', 'd.hdr':
            SimpleITK.WriteImage(image, self.path('in', name))
        self.write('in/e.nii', b'damaged')
        self.write('in/f.raw', b'without a header')
        self.scan()
        self.assertEqual(
            [
                (os.path.basename(v.path), v.shape)
                for v in self.catalogue.volumes()
            ],
            [(n, (4, 5, 6)) for n in ('a.nii.gz', 'b.mhd', 'c.nhdr', 'd.hdr')],
        )
        self.assertEqual(
            [
                (os.path.basename(path), code)
                for path, code, _ in self.catalogue.defective_files()
            ],
            [('e.nii', 'UNREADABLE'), ('f.raw', 'NOT_DICOM')],
        )
        self.assertEqual(
            [
                os.path.basename(path)
                for path, _ in self.catalogue.passed_over_files()
            ],
            ['b.raw', 'c.raw', 'd.img'],
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

    def test_damaged_files(self):
        """Each is used or named with a code, and none ends the run."""
        contents = whole_files(self.folder)
        outcomes = Counter()
        for seed in range(60):
            path = self.write(f'in/{seed}', damaged(contents, seed))
            with self.subTest(seed):
                outcomes[outcome(path)] += 1
        self.assertGreater(outcomes['used'], 3)
        self.assertGreater(len(outcomes), 5)
        self.scan()
        in_series = {
            image.path
            for uid in self.catalogue.series_uids()
            for image in self.catalogue.slices(uid)
        }
        rejected = [path for path, _, _ in self.catalogue.defective_files()]
        self.assertEqual(len(in_series) + len(rejected), 63)
        find_all(self.catalogue)

    def test_reader_that_raises(self):
        def read_frames(path):
            if path.endswith('-1'):
                raise RecursionError
            return real(path)

        real = module.read_frames
        with mock.patch.object(module, 'read_frames', read_frames):
            self.scan()
        ((path, code, message),) = self.catalogue.defective_files()
        self.assertEqual(os.path.basename(path), '1.2-1')
        self.assertEqual(
            (code, message),
            ('UNREADABLE', 'it cannot be read (RecursionError)'),
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
