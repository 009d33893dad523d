import os

from kneerepro.data.workspace import working_folder
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
