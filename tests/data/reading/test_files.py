import os
import shutil

from kneerepro.data.reading.files import (
    distinct_sources,
    survey,
    walk_files,
)
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class WalkFilesTest(FolderTest):
    def names(self, *sources, excluded=()):
        return [
            os.path.relpath(file.path, self.folder)
            for file in walk_files(
                [self.path(source) for source in sources],
                [self.path(name) for name in excluded],
            )
        ]

    def test_sorted(self):
        for name in 'in/c', 'in/b/z', 'in/b/a', 'in/a', 'single':
            self.write(name, name)
        self.assertEqual(
            self.names('single', 'in'),
            ['single', 'in/a', 'in/b/a', 'in/b/z', 'in/c'],
        )

    def test_state(self):
        os.utime(self.write('in/a', 'xyz'), ns=(5, 7))
        (file,) = walk_files([self.path('in')])
        self.assertEqual((file.size, file.modified, file.error), (3, 7, None))

    def test_excluded(self):
        for name in 'in/a', 'in/out/b', 'in/out/c', 'in/d':
            self.write(name)
        self.assertEqual(
            self.names('in', excluded=['in/out', 'in/d']), ['in/a']
        )
        self.assertEqual(self.names('in/d', excluded=['in/d']), [])

    def test_what_is_no_file(self):
        self.write('in/a')
        os.mkfifo(self.path('in', 'pipe'))
        os.symlink(self.path('in'), self.path('in', 'circle'))
        os.symlink(self.path('nowhere'), self.path('in', 'link'))
        first, second = walk_files([self.path('in')])
        self.assertEqual(os.path.basename(first.path), 'a')
        self.assertEqual(os.path.basename(second.path), 'link')
        self.assertIsInstance(second.error, FileNotFoundError)


class DistinctSourcesTest(FolderTest):
    def test_nested(self):
        file = self.write('a/b/file')
        outer, inner, other = self.path('a'), self.path('a', 'b'), 'elsewhere'
        self.assertEqual(
            distinct_sources([inner, outer, other, file, outer]),
            [outer, other],
        )

    def test_common_beginning_of_a_name(self):
        sources = [self.path('a'), self.path('ab')]
        self.assertEqual(distinct_sources(sources), sources)

    def test_link(self):
        os.mkdir(self.path('a'))
        os.symlink(self.path('a'), self.path('link'))
        self.assertEqual(
            distinct_sources([self.path('link'), self.path('a')]),
            [self.path('link')],
        )


class SurveyTest(FolderTest):
    def test_changes_with_the_files(self):
        def write(name, content):
            os.utime(self.write(name, content), (1, 1))

        def fingerprint(name):
            return survey([self.path(name)]).fingerprint

        write('in/a', 'x')
        write('in/sub/b', 'y')
        self.assertEqual(survey([self.path('in')]).count, 2)
        seen = [fingerprint('in')]
        shutil.move(self.path('in'), self.path('moved'))
        self.assertEqual(fingerprint('moved'), seen[0])
        for name, content in [('moved/a', 'xx'), ('moved/c', 'x')]:
            write(name, content)
            seen.append(fingerprint('moved'))
        os.utime(self.path('moved', 'c'), (1, 2))
        seen.append(fingerprint('moved'))
        os.rename(self.path('moved', 'c'), self.path('moved', 'd'))
        seen.append(fingerprint('moved'))
        seen.append(fingerprint('moved/a'))
        self.assertEqual(len(set(seen)), 6)

    def test_missing_source(self):
        with self.assertRaisesRegex(UserError, 'nowhere does not exist'):
            survey([self.folder, self.path('nowhere')])
