import errno
import os
from unittest import mock

from kneerepro.data.workspace import (
    refuse_to_replace,
    require_space,
    working_folder,
)
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class WorkingFolderTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.work = self.path('new', 'work')

    def test_kept_with_its_contents(self):
        with working_folder(self.work, 'x'):
            self.write('new/work/part')
        self.assertEqual(sorted(os.listdir(self.work)), ['lock', 'part'])

    def test_removed_when_finished(self):
        with working_folder(self.work, 'x') as finished:
            self.write('new/work/part')
            finished()
        self.assertEqual(os.listdir(self.folder), [])

    def test_removed_when_empty(self):
        with self.assertRaises(KeyError), working_folder(self.work, 'x'):
            raise KeyError
        self.assertEqual(os.listdir(self.folder), [])

    def test_folders_in_it(self):
        self.write('elsewhere/file')
        with working_folder(self.work, 'x') as finished:
            self.write('new/work/archives/deep/part')
            os.symlink(self.path('elsewhere'), self.path('new/work/link'))
            finished()
        self.assertEqual(os.listdir(self.folder), ['elsewhere'])
        self.assertEqual(os.listdir(self.path('elsewhere')), ['file'])

    def test_file_system_without_locks(self):
        refused = OSError(errno.ENOSYS, '')
        for content in '', 'new/work/part':
            with (
                mock.patch('fcntl.flock', side_effect=refused),
                working_folder(self.work, 'x') as finished,
            ):
                if content:
                    self.write(content)
                    finished()
                self.assertIn('lock.owner', os.listdir(self.work))
            self.assertEqual(os.listdir(self.folder), [])

    def test_kept_after_an_error(self):
        with self.assertRaises(KeyError), working_folder(self.work, 'x'):
            self.write('new/work/part')
            raise KeyError
        self.assertIn('part', os.listdir(self.work))

    def test_neighbours_stay(self):
        self.write('new/other')
        with working_folder(self.work, 'x') as finished:
            finished()
        self.assertEqual(os.listdir(self.path('new')), ['other'])

    def test_cannot_be_written(self):
        self.write('new')
        with (
            self.assertRaisesRegex(UserError, 'cannot write x'),
            working_folder(self.work, 'x'),
        ):
            pass


class RefuseToReplaceTest(FolderTest):
    def test_files_in_the_way(self):
        refuse_to_replace([self.path('a'), self.path('b')])
        os.symlink(self.path('nowhere'), self.path('b'))
        with self.assertRaisesRegex(UserError, 'b already exists'):
            refuse_to_replace([self.path('a'), self.path('b')])


class RequireSpaceTest(FolderTest):
    def test_free_space(self):
        require_space(self.folder, 1, 'v.h5')
        with self.assertRaisesRegex(
            UserError, r'no room for v.h5: it takes 1048576.0 GiB, .* free'
        ):
            require_space(self.folder, 2**50, 'v.h5')
