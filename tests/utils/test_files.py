import os
import stat
from unittest import mock

from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from tests.folders import FolderTest


class ReplacingTest(FolderTest):
    def put(self, name, content):
        with (
            replacing(self.path(name)) as temporary,
            open(temporary, 'w') as file,
        ):
            file.write(content)

    def test_appears_when_complete(self):
        path = self.path('new', 'deep', 'file.npz')
        with replacing(path) as temporary:
            self.assertEqual(os.path.dirname(temporary), os.path.dirname(path))
            self.assertEqual(os.path.splitext(temporary)[1], '.npz')
            with open(temporary, 'w') as file:
                file.write('half')
            self.assertFalse(os.path.exists(path))
            with open(temporary, 'a') as file:
                file.write(' whole')
        self.assertEqual(self.read('new/deep/file.npz'), b'half whole')
        self.assertEqual(os.listdir(self.path('new', 'deep')), ['file.npz'])

    def test_replaces_an_existing_file(self):
        self.put('file', 'old')
        self.put('file', 'new')
        self.assertEqual(self.read('file'), b'new')
        self.assertEqual(os.listdir(self.folder), ['file'])

    def test_permissions_are_those_of_any_new_file(self):
        for mask in [0o022, 0o077]:
            before = os.umask(mask)
            try:
                self.put('file', '')
                self.assertEqual(os.umask(mask), mask)
            finally:
                os.umask(before)
            mode = stat.S_IMODE(os.stat(self.path('file')).st_mode)
            self.assertEqual(mode, 0o666 & ~mask)

    def test_failure_leaves_the_old_file(self):
        self.put('file', 'old')
        for error in [ZeroDivisionError, KeyboardInterrupt]:
            with (
                self.assertRaises(error),
                replacing(self.path('file')) as temporary,
            ):
                with open(temporary, 'w') as file:
                    file.write('half')
                raise error
            self.assertEqual(self.read('file'), b'old')
            self.assertEqual(os.listdir(self.folder), ['file'])

    def test_relative_path(self):
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            with replacing('file'):
                pass
        finally:
            os.chdir(before)
        self.assertEqual(os.listdir(self.folder), ['file'])

    def test_any_name(self):
        for name in [
            'a' * 251 + '.npz',
            'ö' * 125 + '.npz',
            'new\nline',
            '"quotes\' and %s',
            '-dash, comma #',
            os.fsdecode(b'not \xff utf-8.h5'),
        ]:
            self.put(name, name.encode('utf-8', 'surrogateescape').hex())
            self.assertEqual(self.read(name).decode(), os.fsencode(name).hex())
            self.assertEqual(os.listdir(self.folder), [name])
            os.remove(self.path(name))

    def assert_error(self, name, reason):
        path = self.path(name)
        with self.assertRaisesRegex(
            UserError, f'^cannot write {path}: {reason}$'
        ):
            self.put(name, 'new')

    def test_errors_name_the_file_and_the_reason(self):
        self.put('file', 'old')
        self.assert_error('file/new', f'{self.path("file")} is not a folder')
        self.assert_error('file/deep/new', 'Not a directory')
        os.mkdir(self.path('folder'))
        self.assert_error('folder', 'Is a directory')
        self.assert_error('long' * 100, 'File name too long')
        self.assertEqual(sorted(os.listdir(self.folder)), ['file', 'folder'])

    def test_failed_rename_leaves_the_old_file(self):
        self.put('file', 'old')
        with mock.patch('os.replace', side_effect=OSError(28, 'a page long')):
            self.assert_error('file', 'No space left on device')
        with (
            self.assertRaisesRegex(UserError, 'without a number'),
            replacing(self.path('file')),
        ):
            raise OSError('without a number')
        self.assertEqual(self.read('file'), b'old')
        self.assertEqual(os.listdir(self.folder), ['file'])
