import os

from kneerepro.data.writing.folders import replacing_folder
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class ReplacingFolderTest(FolderTest):
    def test_appears_when_it_is_complete(self):
        path = self.path('new', 'out')
        with replacing_folder(path) as temporary:
            with open(os.path.join(temporary, 'a'), 'w') as file:
                file.write('text')
            self.assertFalse(os.path.exists(path))
            self.assertEqual(os.path.basename(temporary), 'out')
        self.assertEqual(os.listdir(self.path('new')), ['out'])
        self.assertEqual(self.read('new/out/a'), b'text')

    def test_replaces_what_was_there(self):
        self.write('out/old')
        with replacing_folder(self.path('out')) as temporary:
            os.mkdir(os.path.join(temporary, 'new'))
            self.assertEqual(os.listdir(self.path('out')), ['old'])
        self.assertEqual(os.listdir(self.path('out')), ['new'])

    def test_a_link_is_replaced_and_not_followed(self):
        self.write('elsewhere/kept')
        os.symlink(self.path('elsewhere'), self.path('out'))
        with replacing_folder(self.path('out')):
            pass
        self.assertFalse(os.path.islink(self.path('out')))
        self.assertEqual(os.listdir(self.path('elsewhere')), ['kept'])

    def test_a_failure_leaves_what_was_there(self):
        self.write('out/old')
        with (
            self.assertRaises(KeyError),
            replacing_folder(self.path('out')) as temporary,
        ):
            os.mkdir(os.path.join(temporary, 'new'))
            raise KeyError
        self.assertEqual(os.listdir(self.folder), ['out'])
        self.assertEqual(os.listdir(self.path('out')), ['old'])

    def test_permissions(self):
        for mask in 0o022, 0o077:
            before = os.umask(mask)
            self.addCleanup(os.umask, before)
            with replacing_folder(self.path('out')):
                pass
            self.assertEqual(
                os.stat(self.path('out')).st_mode & 0o777, 0o777 & ~mask
            )

    def test_errors(self):
        self.write('file')
        with (
            self.assertRaisesRegex(UserError, 'cannot write .*: Not a dir'),
            replacing_folder(self.path('file', 'a', 'out')),
        ):
            pass
        with (
            self.assertRaisesRegex(UserError, 'cannot write .*: No space'),
            replacing_folder(self.path('out')),
        ):
            raise OSError(28, 'full')
        self.assertEqual(os.listdir(self.folder), ['file'])
