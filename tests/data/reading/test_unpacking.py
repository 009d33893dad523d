import io
import os
import shutil
from unittest import mock

import numpy as np

from kneerepro.data.reading import unpacking
from kneerepro.data.reading.catalogue import Catalogue
from kneerepro.data.reading.unpacking import Archives
from kneerepro.utils.workers import Workers
from tests.data.reading.archive_files import (
    COMPRESSIONS,
    flipped,
    tar_of,
    zip_of,
)
from tests.data.series import write_series
from tests.folders import FolderTest


def npy(value):
    """A file with a volume."""
    file = io.BytesIO()
    np.save(file, np.full((3, 4, 5), value, 'float32'))
    return file.getvalue()


class ArchivesTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.catalogue = Catalogue()
        self.addCleanup(self.catalogue.close)
        self.work = self.path('work')
        self.counts = []

    def scan(self, *sources, folder='work', **kwargs):
        """Scan; returns what was found, by the paths that a user knows."""
        sources = [self.path(source) for source in sources or ['in']]
        with (
            Workers(1) as workers,
            Archives(sources, folder and self.path(folder)) as archives,
        ):
            archives.scan(
                self.catalogue,
                workers,
                depth=3,
                total=1,
                progress=lambda *count: self.counts.append(count),
                **kwargs,
            )
            self.archives = archives
            self.temporary = archives._folder
            self.contents = {
                self.shown(volume.path): self.read(volume.path)
                for volume in self.catalogue.volumes()
            }
        return sorted(self.contents)

    def shown(self, path):
        return os.path.relpath(self.archives.shown(path), self.folder)

    def defects(self):
        return {
            self.shown(path): code
            for path, code, _ in self.catalogue.defective_files()
        }

    def test_no_archives(self):
        self.write('in/a.npy', npy(1))
        self.assertEqual(self.scan(), ['in/a.npy'])
        self.assertEqual(self.counts, [('reading headers', 1, 1, 0)])
        self.assertFalse(os.path.exists(self.work))

    def test_archives_among_files(self):
        """Under any name."""
        tar = tar_of([('x/1.npy', npy(1)), ('x/2.npy', npy(2))])
        expected = ['in/deep/v.npy']
        for ending, compress in COMPRESSIONS.items():
            name = f'in/deep/a-{ending}'.replace('.', '-')
            self.write(name, compress(tar))
            expected += [f'{name}/x/1.npy', f'{name}/x/2.npy']
        self.write('in/b', zip_of([('y\\3.npy', npy(3))]))
        self.write('in/deep/v.npy', npy(4))
        self.write('in/readme.txt', b'')
        self.assertEqual(self.scan(), sorted([*expected, 'in/b/y/3.npy']))
        self.assertEqual(self.contents['in/b/y/3.npy'], npy(3))
        self.assertEqual(self.contents['in/deep/a-tar-xz/x/2.npy'], npy(2))
        self.assertEqual(self.defects(), {})
        self.assertEqual(
            [
                self.shown(path)
                for path, _ in self.catalogue.passed_over_files()
            ],
            ['in/readme.txt'],
        )
        self.assertEqual(
            self.counts[1:],
            [('unpacking', i, 5, 0) for i in range(1, 6)]
            + [('reading headers', 9, 9, 0)],
        )

    def test_archive_as_source(self):
        self.write('in/a.zip', zip_of([('1.npy', npy(1))]))
        self.write('in/b.tar', tar_of([('1.npy', npy(2))]))
        self.write('in/c.npy', npy(3))
        self.assertEqual(
            self.scan('in/b.tar', 'in/a.zip'),
            ['in/a.zip/1.npy', 'in/b.tar/1.npy'],
        )

    def test_series(self):
        write_series(self.path('dicom'), np.ones((3, 4, 4)), '1.2')
        self.write(
            'in/a.tar',
            tar_of(
                [
                    (f'P/{name}', self.read(f'dicom/{name}'))
                    for name in os.listdir(self.path('dicom'))
                ]
            ),
        )
        self.scan()
        slices = self.catalogue.slices('1.2')
        self.assertEqual(
            [self.shown(item.path) for item in slices],
            [f'in/a.tar/P/1.2-{i}' for i in range(3)],
        )

    def test_same_names_in_several_sources(self):
        for number, name in enumerate(['in1/a.zip', 'in2/a.zip']):
            self.write(name, zip_of([('1.npy', npy(number))]))
        self.assertEqual(
            self.scan('in1', 'in2'), ['in1/a.zip/1.npy', 'in2/a.zip/1.npy']
        )
        self.assertEqual(self.contents['in2/a.zip/1.npy'], npy(1))

    def test_archives_within_archives(self):
        inner = COMPRESSIONS['tar.gz'](tar_of([('s/1.npy', npy(1))]))
        outer = zip_of([('p/s.tar.gz', inner), ('2.npy', npy(2))])
        self.write('in/v.zip', outer)
        self.assertEqual(
            self.scan(), ['in/v.zip/2.npy', 'in/v.zip/p/s.tar.gz/s/1.npy']
        )
        self.assertEqual(self.defects(), {})
        # Once more is named.
        self.write('in/v.zip', tar_of([('deeper.zip', outer)]))
        self.catalogue = Catalogue()
        self.addCleanup(self.catalogue.close)
        self.assertEqual(self.scan(), ['in/v.zip/deeper.zip/2.npy'])
        self.assertEqual(
            self.defects(), {'in/v.zip/deeper.zip/p/s.tar.gz': 'BAD_ARCHIVE'}
        )

    def test_defects(self):
        good = [('1.npy', npy(1))]
        self.write('in/unsafe', tar_of([('../up', b'x'), *good]))
        self.write('in/cut', tar_of(good + [('2', bytes(9999))])[:3000])
        content = COMPRESSIONS['tar.gz'](
            tar_of([*good, ('2', os.urandom(9999))])
        )
        self.write('in/damaged', flipped(content, len(content) // 2))
        self.write('in/rar', b'Rar!\x1a\x07\x01')
        self.write('in/none', b'neither')
        for _ in range(2):  # also if all is known
            self.assertEqual(self.scan(), ['in/cut/1.npy', 'in/unsafe/1.npy'])
            self.assertEqual(
                self.defects(),
                {
                    'in/unsafe/%2E%2E%2Fup': 'UNSAFE_MEMBER',
                    'in/cut': 'BAD_ARCHIVE',
                    'in/damaged': 'BAD_ARCHIVE',
                    'in/rar': 'BAD_ARCHIVE',
                    'in/none': 'NOT_DICOM',
                },
            )

    def test_temporary_folder(self):
        self.write('in/a.zip', zip_of([('1.npy', npy(1))]))
        self.assertEqual(self.scan(folder=None), ['in/a.zip/1.npy'])
        self.assertFalse(os.path.exists(self.temporary))
        self.assertEqual(os.listdir(self.folder), ['in'])

    def test_continued(self):
        """As after a run that was killed."""
        path = self.write('in/a.zip', zip_of([('1.npy', npy(1)), ('2', b'x')]))
        self.write('in/b.tar', tar_of([('1.npy', npy(2))]))
        expected = self.scan()
        with mock.patch.object(
            unpacking, 'unpack', wraps=unpacking.unpack
        ) as unpack:
            self.assertEqual(self.scan(), expected)
            self.assertEqual(unpack.mock_calls, [])
            # What is missing or damaged is unpacked again.
            self.write('work/1-0/b.tar/1.npy', b'damaged')
            self.scan()
            self.assertEqual(self.contents['in/b.tar/1.npy'], npy(2))
            shutil.rmtree(self.path('work', '1-0', 'b.tar'))
            self.scan()
            self.assertEqual(self.contents['in/b.tar/1.npy'], npy(2))
            self.assertEqual(
                [call.args[0] for call in unpack.mock_calls],
                [self.path('in/b.tar')] * 2,
            )
            # An archive that has changed leaves nothing of what it was.
            self.write(path, zip_of([('3.npy', npy(3))]))
            os.utime(path, (1, 1))
            self.catalogue = Catalogue()
            self.addCleanup(self.catalogue.close)
            self.assertEqual(self.scan(), ['in/a.zip/3.npy', 'in/b.tar/1.npy'])
        # A list of contents that was damaged itself.
        for name in os.listdir(self.path('work', 'contents')):
            self.write(f'work/contents/{name}', b'{"archive": ')
        self.assertEqual(len(self.scan()), 2)

    def test_any_name(self):
        for name in ['new\nline', '"q\' %s', os.fsdecode(b'\xff')]:
            self.write(f'in/{name}', tar_of([(name, npy(1))]))
            self.assertEqual(self.scan(), [f'in/{name}/{name}'])
            os.remove(self.path('in', name))
            self.catalogue = Catalogue()
            self.addCleanup(self.catalogue.close)
