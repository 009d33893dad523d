import collections
import os
import shutil
import time
from unittest import mock

from kneerepro.data.reading import archives
from kneerepro.data.reading.archives import is_unpacked, unpack
from kneerepro.utils.errors import UserError
from tests.data.reading.archive_files import (
    COMPRESSIONS,
    flipped,
    tar_of,
    zip_of,
)
from tests.folders import FolderTest

MEMBERS = [('a/1', b'one'), ('./a/b/2', b'two' * 500), ('c', b'')]
NAMES = {'a/1': 3, 'a/b/2': 1500, 'c': 0}
MODIFIED = 10**18  # ns


class UnpackTest(FolderTest):
    def unpack(self, content):
        """Returns the members and the codes of what is wrong."""
        path = self.write('archive', content)
        os.utime(path, ns=(MODIFIED, MODIFIED))
        self.contents = unpack(path, self.path('out', 'folder'))
        self.assertEqual(self.files(), self.contents.sizes)
        return self.contents.sizes, {
            name: defect.code for name, defect in self.contents.defects.items()
        }

    def files(self):
        out = self.path('out', 'folder')
        return {
            os.path.relpath(os.path.join(folder, name), out): os.path.getsize(
                os.path.join(folder, name)
            )
            for folder, _, names in os.walk(out)
            for name in names
        }

    def messages(self):
        return [defect.message for defect in self.contents.defects.values()]

    def test_unpacked(self):
        tar = tar_of(MEMBERS)
        for content in [
            zip_of(MEMBERS),
            *(compress(tar) for compress in COMPRESSIONS.values()),
        ]:
            self.assertEqual(self.unpack(content), (NAMES, {}))
            self.assertEqual(self.read('out/folder/a/b/2'), b'two' * 500)
            for name, size in NAMES.items():
                path = self.path('out', 'folder', name)
                self.assertTrue(is_unpacked(path, size, MODIFIED))
            shutil.rmtree(self.path('out'))

    def test_what_is_there_is_kept(self):
        for content in zip_of(MEMBERS), tar_of(MEMBERS):
            self.unpack(content)
            for name, change in [('a/1', None), ('a/b/2', b'half'), ('c', '')]:
                path = self.path('out', 'folder', name)
                if change is None:
                    os.remove(path)
                else:
                    self.write(path, change)
            before = os.stat(path).st_ino
            os.utime(path, ns=(MODIFIED, MODIFIED))
            with mock.patch.object(
                archives.os, 'utime', wraps=os.utime
            ) as written:
                self.assertEqual(self.unpack(content), (NAMES, {}))
            self.assertEqual(
                [
                    os.path.basename(call.args[0])
                    for call in written.mock_calls[1:]
                ],
                ['1', '2'],
            )
            self.assertEqual(os.stat(path).st_ino, before)
            self.assertEqual(self.read('out/folder/a/b/2'), b'two' * 500)
            shutil.rmtree(self.path('out'))

    def test_paths_that_are_not_safe(self):
        unsafe = {
            '../up': '%2E%2E%2Fup',
            'a/../../up': 'a%2F%2E%2E%2F%2E%2E%2Fup',
            '/absolute': '%2Fabsolute',
            '//host/share': '%2F%2Fhost%2Fshare',
            'C:/drive': 'C:%2Fdrive',
            'c:drive': 'c:drive',
            '..': '%2E%2E',
            'd/' * 150 + 'deep': ('d%2F' * 150)[:200],
        }
        members = [(name, b'x') for name in unsafe] + MEMBERS
        for content in zip_of(members), tar_of(members):
            sizes, codes = self.unpack(content)
            self.assertEqual(sizes, NAMES)
            self.assertEqual(
                codes, dict.fromkeys(unsafe.values(), 'UNSAFE_MEMBER')
            )
            self.assertEqual(
                sorted(os.listdir(self.folder)), ['archive', 'out']
            )
            self.assertEqual(os.listdir(self.path('out')), ['folder'])
        sizes, codes = self.unpack(
            zip_of([('..\\up', b'x'), ('\\\\host\\share', b'x'), *MEMBERS])
        )
        self.assertEqual(sizes, NAMES)
        self.assertEqual(list(codes.values()), ['UNSAFE_MEMBER'] * 2)
        sizes, codes = self.unpack(tar_of([('..\\up', b'x'), *MEMBERS]))
        self.assertEqual(sizes, NAMES)
        self.assertEqual(list(codes.values()), ['UNSAFE_MEMBER'])

    def test_links(self):
        """Not even those that would stay within."""
        kinds = {
            'out': {'type': b'2', 'linkname': '..'},
            'in': {'type': b'2', 'linkname': 'a'},
            'hard': {'type': b'1', 'linkname': 'a/1'},
            'pipe': {'type': b'6'},
        }
        sizes, codes = self.unpack(
            tar_of(
                [(kind, kind) for kind in kinds]
                + [('out/written', b'x'), *MEMBERS],
                **kinds,
            )
        )
        self.assertEqual(sizes, {'out/written': 1, **NAMES})
        self.assertEqual(codes, dict.fromkeys(kinds, 'UNSAFE_MEMBER'))
        self.assertFalse(os.path.exists(self.path('out', 'written')))

    def test_same_path_twice(self):
        members = [*MEMBERS, ('a/1', b'other'), ('a//./1', b'another')]
        sizes, codes = self.unpack(tar_of(members))
        self.assertEqual(sizes, NAMES)
        self.assertEqual(
            codes,
            {
                'a/1 (member 4)': 'UNSAFE_MEMBER',
                'a/1 (member 5)': 'UNSAFE_MEMBER',
            },
        )
        self.assertEqual(self.read('out/folder/a/1'), b'one')

    def test_file_in_place_of_a_folder(self):
        members = [*MEMBERS, ('a', b'x'), ('c/inner', b'x')]
        for content in zip_of(members), tar_of(members):
            sizes, codes = self.unpack(content)
            self.assertEqual(sizes, NAMES)
            self.assertEqual(
                codes, {'a': 'UNSAFE_MEMBER', 'c/inner': 'UNSAFE_MEMBER'}
            )

    def test_name_that_cannot_be_stored(self):
        sizes, codes = self.unpack(tar_of([('x' * 300, b''), *MEMBERS]))
        self.assertEqual(sizes, NAMES)
        self.assertEqual(codes, {'x' * 300: 'UNSAFE_MEMBER'})
        self.assertEqual(
            self.messages(), ['it cannot be stored: File name too long']
        )

    def test_any_name(self):
        names = ['new\nline', '"q\'', '-x', 'a, b#%s', os.fsdecode(b'\xff')]
        sizes, codes = self.unpack(tar_of([(name, b'x') for name in names]))
        self.assertEqual((sizes, codes), (dict.fromkeys(names, 1), {}))

    def test_cut_off(self):
        tar = tar_of(MEMBERS)
        expected = {'a/1': 3}, {'': 'BAD_ARCHIVE'}
        self.assertEqual(self.unpack(tar[:2000]), expected)
        # The first member is followed by a header, and the second is not.
        gzip = COMPRESSIONS['tar.gz']
        for length in 2000, 1536 + 1536 + 100:
            content = gzip(tar[:length])
            # Without its end, which would say that nothing is missing.
            self.assertEqual(self.unpack(content[:-8]), expected)

    def test_damaged(self):
        for name, compress in COMPRESSIONS.items():
            tar = tar_of([('first', b'x'), ('second', os.urandom(5000))])
            if name != 'tar':
                content = compress(tar)
                sizes, codes = self.unpack(flipped(content, len(content) // 2))
                self.assertEqual((sizes, codes), ({}, {'': 'BAD_ARCHIVE'}))
                self.assertRegex(self.messages()[0], 'none of its members')
        content = zip_of([('first', b'x'), ('second', os.urandom(5000))])
        self.assertEqual(
            self.unpack(flipped(content, len(content) // 2)),
            ({'first': 1}, {'second': 'BAD_ARCHIVE'}),
        )

    def test_unpacks_to_too_much(self):
        for content in [
            zip_of([('a', b'x')] + [(str(i), bytes(2**20)) for i in range(4)]),
            COMPRESSIONS['tar.bz2'](
                tar_of([('a', b'x'), ('b', bytes(2**21)), ('c', b'x')])
            ),
        ]:
            with mock.patch.object(archives, 'HARMLESS', 2**21):
                sizes, codes = self.unpack(content)
            self.assertEqual(codes, {'': 'UNSAFE_MEMBER'})
            self.assertLessEqual(sum(sizes.values()), 2**21)
            self.assertEqual(sizes['a'], 1)
            shutil.rmtree(self.path('out'))

    def test_too_many_members(self):
        with mock.patch.object(archives, '_MAX_MEMBERS', 2):
            sizes, codes = self.unpack(zip_of(MEMBERS))
        self.assertEqual((len(sizes), codes), (2, {'': 'BAD_ARCHIVE'}))
        self.assertRegex(self.messages()[0], 'more than 2 members')

    def test_disk_that_is_too_small(self):
        usage = collections.namedtuple('usage', 'free')
        content = zip_of([('a', bytes(3 * 2**20)), ('b', b'x')])
        with mock.patch.object(
            archives.shutil, 'disk_usage', return_value=usage(2**28 + 2**21)
        ):
            with self.assertRaisesRegex(
                UserError,
                'no room to unpack .*/archive: it takes 0.00 GiB or more, and '
                '.*/folder has 0.25 GiB free, of which 0.25 GiB',
            ):
                self.unpack(content)
            self.assertEqual(os.listdir(self.path('out')), [])
            # What is unpacked counts only once.
            self.assertEqual(len(self.unpack(zip_of(MEMBERS))[0]), 3)

    def test_disk_that_cannot_be_written(self):
        self.write('out', 'a file')
        with self.assertRaisesRegex(
            UserError, 'cannot unpack .*archive to .*: Not a directory; unpack'
        ):
            self.unpack(zip_of(MEMBERS))


class IsUnpackedTest(FolderTest):
    def test_changes(self):
        path = self.write('file', b'xyz')
        os.utime(path, ns=(MODIFIED, MODIFIED))
        self.assertTrue(is_unpacked(path, 3, MODIFIED + 10**9))
        self.assertFalse(is_unpacked(path, 4, MODIFIED))
        self.assertFalse(is_unpacked(path, 3, time.time_ns()))
        self.assertFalse(is_unpacked(self.path('missing'), 3, MODIFIED))
        self.assertFalse(is_unpacked(self.folder, 3, MODIFIED))
