import os
import random
import tarfile
import warnings
import zipfile
import zlib
from unittest import mock

from kneerepro.data.reading import archive_formats
from kneerepro.data.reading.archive_formats import (
    StoppedError,
    is_archive,
    members,
    size_unpacked,
)
from tests.data.reading.archive_files import (
    COMPRESSIONS,
    flipped,
    tar_of,
    zip_of,
)
from tests.folders import FolderTest

CONTENT = random.Random(1).randbytes(3000)
MEMBERS = [('a/1', b'one'), ('a/2', CONTENT), ('b', b''), ('c', b'c' * 512)]


class ArchiveTest(FolderTest):
    def list(self, content, limit=10**9):
        """(name, content, code of the defect) of each member, and the message
        with which the list ends, if it does not end well.
        """
        path = self.write('archive', content)
        found, self.stopped, self.message = [], None, None
        try:
            for member in members(path, limit):
                code, values = member.defect and member.defect.code, None
                if code is None:
                    values = b''.join(member.chunks())
                    self.assertEqual(member.size, len(values))
                found.append((member.name, values, code))
        except StoppedError as error:
            self.stopped, self.message = error, error.defect.message
        return found


def sound(pairs):
    return [(name, content, None) for name, content in pairs]


class IsArchiveTest(ArchiveTest):
    def is_archive(self, content):
        return is_archive(self.write('file', content))

    def test_by_content(self):
        tar = tar_of(MEMBERS)
        for compress in COMPRESSIONS.values():
            self.assertTrue(self.is_archive(compress(tar)))
        self.assertTrue(self.is_archive(zip_of(MEMBERS)))
        self.assertTrue(self.is_archive(zip_of([])))
        self.assertTrue(self.is_archive(b"7z\xbc\xaf'\x1c" + bytes(100)))

    def test_others(self):
        for content in [
            b'',
            b'PK',
            bytes(1024),
            CONTENT,
            b'\x1f\x8b' + CONTENT,
            b'BZh9' + CONTENT,
            COMPRESSIONS['tar.gz'](CONTENT),
            COMPRESSIONS['tar.xz'](b'short'),
            zip_of([('[Content_Types].xml', b'<'), ('xl/workbook.xml', b'<')]),
            zip_of([('mimetype', b'application/vnd.oasis')]),
        ]:
            self.assertFalse(self.is_archive(content), content[:20])
        self.assertFalse(is_archive(self.path('missing')))
        self.assertFalse(is_archive(self.folder))


class TarTest(ArchiveTest):
    def test_all_compressions(self):
        for name, compress in COMPRESSIONS.items():
            content = compress(tar_of(MEMBERS))
            if name == 'tar':
                self.assertEqual(
                    size_unpacked(self.write('archive', content)), len(content)
                )
            self.assertEqual(self.list(content), sound(MEMBERS), name)
            self.assertIsNone(self.message)

    def test_one_behind_the_other(self):
        tar = tar_of(MEMBERS[:2]) + tar_of(MEMBERS[2:])
        gzip = COMPRESSIONS['tar.gz']
        for content in [
            tar,
            gzip(tar),
            gzip(tar_of(MEMBERS[:2])) + gzip(tar_of(MEMBERS[2:])),
        ]:
            self.assertEqual(self.list(content), sound(MEMBERS))
            self.assertIsNone(self.message)

    def test_names(self):
        names = ['ö' * 200, 'a' * 300, 'new\nline', os.fsdecode(b'\xff')]
        found = self.list(tar_of([(name, b'x') for name in names]))
        self.assertEqual([name for name, *_ in found], names)

    def test_what_is_no_file(self):
        kinds = {
            kind: {'type': kind.encode(), 'linkname': '/etc/passwd'}
            for kind in '12346'  # links, devices and pipes
        }
        found = self.list(
            tar_of([(kind, kind) for kind in kinds] + MEMBERS, **kinds)
        )
        self.assertEqual(
            found[:5], [(kind, None, 'UNSAFE_MEMBER') for kind in kinds]
        )
        self.assertEqual(found[5:], sound(MEMBERS))

    def test_folders_are_left_out(self):
        tar = tar_of([('a', 'folder'), ('a/b', b'x')], folder={'type': b'5'})
        self.assertEqual(self.list(tar), sound([('a/b', b'x')]))

    def test_cut_off(self):
        """Wherever that is, whole members are used, and it is noticed."""
        tar = tar_of(MEMBERS)
        # Each member has a header and whole blocks of 512 bytes.
        for length, expected in [
            (512, []),
            (1024, [0]),
            (1200, [0]),
            (1536 + 2999, [0]),
            (1536 + 3000, [0, 1]),
            (1536 + 3072 + 512, [0, 1, 2]),
            (1536 + 3072 + 512 + 1024, [0, 1, 2, 3]),
        ]:
            found = self.list(tar[:length])
            if length == 1024:  # of the first block, all that counts
                found = found[:1]
            self.assertEqual(found, sound(MEMBERS[i] for i in expected))
            self.assertRegex(self.message, 'cut off')
            self.assertEqual(self.stopped.unsure, 'none')

    def test_cut_off_and_compressed(self):
        for name, compress in COMPRESSIONS.items():
            if name != 'tar':
                found = self.list(compress(tar_of(MEMBERS))[:-9])
                self.assertEqual(found, sound(MEMBERS)[: len(found)])
                self.assertRegex(self.message, 'cut off')
                self.assertIn(self.stopped.unsure, ('none', 'last'))
        # What is wrong from the last member on might go unnoticed.
        for length, unsure in [
            (1536 + 3000, 'last'),  # within the blocks of a member
            (1536 + 3072, 'last'),
            (1536 + 3072 + 100, 'last'),  # within the next header
            (1536 + 3072 + 1024 + 100, 'none'),  # within the last member
            (1536 + 3072 + 1024 + 512 + 600, 'none'),  # at the end
        ]:
            gzip = zlib.compressobj(wbits=31)
            content = gzip.compress(tar_of(MEMBERS)[:length])
            content += gzip.flush(zlib.Z_SYNC_FLUSH)
            self.list(content)
            self.assertRegex(self.message, 'cut off')
            self.assertEqual(self.stopped.unsure, unsure, length)

    def test_damaged_header(self):
        tar = flipped(tar_of(MEMBERS), 1536 + 3072 + 150)
        self.assertEqual(self.list(tar), sound(MEMBERS[:2]))
        self.assertRegex(self.message, 'damaged')
        self.assertEqual(self.stopped.unsure, 'none')
        self.list(COMPRESSIONS['tar.gz'](tar))
        self.assertEqual(self.stopped.unsure, 'all')

    def test_wrong_checksum(self):
        """It comes last, so that any member may be wrong."""
        for name, compress in COMPRESSIONS.items():
            if name != 'tar':
                content = compress(tar_of(MEMBERS))
                for position in range(400, len(content) - 4, 97):
                    found = self.list(flipped(content, position))
                    self.assertIsNotNone(self.stopped, (name, position))
                    unsure = self.stopped.unsure
                    sure = {'none': found, 'last': found[:-1], 'all': []}
                    self.assertEqual(
                        sure[unsure], sound(MEMBERS)[: len(sure[unsure])]
                    )

    def test_limit(self):
        content = COMPRESSIONS['tar.xz'](
            tar_of([('a', b'x'), ('b', bytes(10**7)), ('c', b'')])
        )
        path = self.write('archive', content)
        # It need not even be read.
        with self.assertRaisesRegex(StoppedError, 'than 200 times its size'):
            list(members(path, 10**6))
        self.list(content, 10**6)
        self.assertEqual(self.stopped.defect.code, 'UNSAFE_MEMBER')

    def test_header_that_is_too_long(self):
        """A name of a gigabyte would be read into memory."""
        info = tarfile.TarInfo('././@LongLink')
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**30
        self.list(tar_of([]) + info.tobuf() + bytes(10**6))
        self.assertRegex(self.message, 'damaged')

    def test_fuzz(self):
        random_ = random.Random(2)
        tar = tar_of(MEMBERS)
        for _ in range(300):
            content = bytearray(tar)
            for _ in range(random_.randint(1, 8)):
                content[random_.randrange(4096)] = random_.randrange(256)
            content = content[: random_.randint(600, len(content))]
            if is_archive(self.write('archive', bytes(content))):
                self.list(bytes(content))


class ZipTest(ArchiveTest):
    def test_methods(self):
        for method in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
            zipfile.ZIP_LZMA,
        ):
            content = zip_of([('folder/', b''), *MEMBERS], method)
            self.assertEqual(self.list(content), sound(MEMBERS))
            self.assertEqual(
                size_unpacked(self.write('archive', content)),
                sum(len(content) for _, content in MEMBERS),
            )

    def test_method_that_is_not_read(self):
        found = self.list(zip_of(MEMBERS, zipfile.ZIP_BZIP2))
        self.assertEqual(
            found, [(name, None, 'BAD_ARCHIVE') for name, _ in MEMBERS]
        )

    def test_backslashes(self):
        found = self.list(zip_of([('a\\b', b'x')]))
        self.assertEqual(found, sound([('a/b', b'x')]))

    def test_link(self):
        info = zipfile.ZipInfo('link')
        info.create_system, info.external_attr = 3, 0o120777 << 16
        found = self.list(zip_of([(info, b'/etc/passwd'), *MEMBERS]))
        self.assertEqual(found[0], ('link', None, 'UNSAFE_MEMBER'))
        self.assertEqual(found[1:], sound(MEMBERS))

    def test_encrypted(self):
        content = bytearray(zip_of(MEMBERS, zipfile.ZIP_STORED))
        entry = content.index(b'PK\x01\x02', content.index(b'PK\x01\x02') + 1)
        content[entry + 8] |= 1
        found = self.list(bytes(content))
        self.assertEqual(found[1], ('a/2', None, 'ENCRYPTED_MEMBER'))
        self.assertEqual(found[::2], sound(MEMBERS[::2]))

    def test_ratio(self):
        members = ('bomb', bytes(2**20 + 1)), *MEMBERS
        with mock.patch.object(archive_formats, 'HARMLESS', 2**20):
            found = self.list(zip_of(members))
        self.assertEqual(found[0], ('bomb', None, 'UNSAFE_MEMBER'))
        self.assertEqual(found[1:], sound(MEMBERS))

    def test_overlapping_members(self):
        """Many entries for the same content."""
        content = zip_of([('a', CONTENT)], zipfile.ZIP_STORED)
        start = content.index(b'PK\x01\x02')
        end = content.index(b'PK\x05\x06')
        entry, tail = content[start:end], bytearray(content[end:])
        count = 5
        tail[8:12] = count.to_bytes(2, 'little') * 2
        tail[12:16] = (count * len(entry)).to_bytes(4, 'little')
        self.list(content[:start] + count * entry + bytes(tail))
        self.assertRegex(self.message, 'overlap')
        self.assertEqual(self.stopped.defect.code, 'UNSAFE_MEMBER')

    def test_cut_off(self):
        content = zip_of(MEMBERS)
        for length in 100, len(content) - 30:
            self.assertEqual(self.list(content[:length]), [])
            self.assertRegex(self.message, 'list of members')

    def test_damaged_member(self):
        content = zip_of(MEMBERS)
        content = flipped(content, content.index(CONTENT[:100]) + 50)
        path = self.write('archive', content)
        for member in members(path, 10**9):
            if member.name == 'a/2':
                with self.assertRaisesRegex(Exception, 'BAD_ARCHIVE: it is d'):
                    list(member.chunks())
            else:
                list(member.chunks())

    def test_size_that_is_not_true(self):
        """A member never yields more than it says."""
        content = bytearray(zip_of([('a', bytes(10**6))]))
        entry = content.index(b'PK\x01\x02')
        for place in 22, entry + 24:
            content[place : place + 4] = (1000).to_bytes(4, 'little')
        (member,) = members(self.write('archive', bytes(content)), 10**9)
        size = 0
        with self.assertRaisesRegex(Exception, 'BAD_ARCHIVE'):
            for chunk in member.chunks():
                size += len(chunk)
        self.assertLessEqual(size, 1000)

    def test_fuzz(self):
        random_ = random.Random(2)
        sound_zip = zip_of(MEMBERS)
        for _ in range(300):
            content = bytearray(sound_zip)
            for _ in range(random_.randint(1, 8)):
                place = random_.randrange(4, len(content))
                content[place] = random_.randrange(256)
            path = self.write('archive', bytes(content))
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                try:
                    for member in members(path, 10**9):
                        if member.defect is None:
                            try:
                                list(member.chunks())
                            except Exception as error:
                                self.assertEqual(error.code, 'BAD_ARCHIVE')
                except StoppedError:
                    pass


class NotReadTest(ArchiveTest):
    def test_named(self):
        self.list(b"7z\xbc\xaf'\x1c" + bytes(100))
        self.assertRegex(self.message, 'made by 7-Zip, which is not read')
