import os
import shutil
from unittest import mock

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
        os.symlink(self.path('in', 'pipe'), self.path('in', 'pipe-link'))
        os.symlink(self.path('nowhere'), self.path('in', 'link'))
        os.symlink('within', self.path('in', 'link2'))
        os.symlink('itself', self.path('in', 'itself'))
        files = list(walk_files([self.path('in')]))
        self.assertEqual(
            [
                (os.path.basename(file.path), type(file.error))
                for file in files
            ],
            [
                ('a', type(None)),
                ('itself', OSError),
                ('link', FileNotFoundError),
                ('link2', FileNotFoundError),
            ],
        )

    def test_folder_that_cannot_be_listed(self):
        self.write('in/b')
        self.write('in/a/c')
        with mock.patch(
            'os.scandir',
            side_effect=[os.scandir(self.path('in')), PermissionError('no')],
        ):
            first, second = walk_files([self.path('in')])
        self.assertEqual(first.path, self.path('in', 'a'))
        self.assertIsInstance(first.error, PermissionError)
        self.assertEqual(second.path, self.path('in', 'b'))

    def test_many_folders_within_each_other(self):
        """More than Python allows functions to call each other."""
        depth = 1100
        os.mkdir(self.path('in'))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path('in'))
        for _ in range(depth):
            os.mkdir('d')
            os.chdir('d')
        with open('file', 'w'):
            pass
        os.chdir(self.path('in'))
        (file,) = walk_files(['.'])
        self.assertEqual(file.path, './' + 'd/' * depth + 'file')
        # Their removal is a recursion, too.
        os.chdir(os.path.dirname(file.path))
        os.remove('file')
        for _ in range(depth):
            os.chdir(os.pardir)
            os.rmdir('d')

    def test_any_name(self):
        names = [
            '"quotes\' and %s',
            '-dash, comma #',
            'a' * 255,
            'new\nline',
            os.fsdecode(b'not \xff utf-8'),
        ]
        for name in names:
            self.write(f'in/{name}/{name}')
        self.assertEqual(
            self.names('in'), [f'in/{name}/{name}' for name in names]
        )


class LinksTest(FolderTest):
    def names(self, *sources, excluded=()):
        return [
            os.path.relpath(file.path, self.folder)
            for file in walk_files(
                [self.path(source) for source in sources],
                [self.path(name) for name in excluded],
            )
        ]

    def link(self, name, target):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        os.symlink(self.path(target), self.path(name))

    def test_folders_elsewhere(self):
        for name in 'disk1/a/1', 'disk2/b/2', 'in/c/3':
            self.write(name)
        self.link('in/first', 'disk1')
        self.link('in/second', 'disk2/b')
        # Links within what a link leads to.
        self.link('disk2/b/further', 'disk3')
        self.write('disk3/4')
        self.assertEqual(
            self.names('in'),
            ['in/c/3', 'in/first/a/1', 'in/second/2', 'in/second/further/4'],
        )

    def test_circles(self):
        self.write('in/a/file')
        self.link('in/a/self', 'in/a')
        self.link('in/a/up', 'in')
        self.link('in/out', '.')
        self.write('neighbour')
        self.assertEqual(self.names('in'), ['in/a/file', 'in/out/neighbour'])

    def test_nothing_twice(self):
        self.write('disk/a/1')
        self.write('disk/b/2')
        self.link('in/a', 'disk/a')
        self.link('in/again', 'disk/a')
        self.link('in/all', 'disk')
        self.write('in/real/3')
        self.link('in/link', 'in/real')
        self.assertEqual(
            self.names('in'), ['in/a/1', 'in/all/b/2', 'in/link/3']
        )
        self.assertEqual(
            self.names('in', 'disk', 'in/real'),
            ['in/a/1', 'in/all/b/2', 'in/link/3'],
        )

    def test_files(self):
        self.write('disk/1')
        self.write('disk/2')
        self.write('in/b/3')
        self.link('in/a/first', 'disk/1')
        self.link('in/a/second', 'disk/1')
        self.link('in/a/third', 'in/b/3')  # listed before its target
        self.link('in/c/fourth', 'in/b/3')
        self.link('in/d', 'disk')
        self.link('in/e', 'disk/2')
        self.assertEqual(
            self.names('in'), ['in/a/first', 'in/a/third', 'in/d/2']
        )
        self.assertEqual(self.names('in/a/third', 'in/b/3'), ['in/a/third'])

    def test_excluded_by_another_path(self):
        for name in 'a', 'out', 'work/part':
            self.write(f'data/{name}')
        self.link('in/data', 'data')
        self.link('in/out', 'data/out')
        self.link('in/work', 'data/work')
        self.assertEqual(
            self.names('in', excluded=['data/out', 'data/work']),
            ['in/data/a'],
        )
        self.link('link', 'data')
        self.assertEqual(
            self.names('data', excluded=['link/out', 'link/work']),
            ['data/a'],
        )


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

    def test_covers_what_links_lead_to(self):
        os.utime(self.write('disk/a/1', 'x'), (1, 1))
        os.mkdir(self.path('in'))
        os.symlink(self.path('disk', 'a'), self.path('in', 'a'))

        def fingerprint():
            return survey([self.path('in')]).fingerprint

        seen = [fingerprint()]
        shutil.copytree(self.path('disk', 'a'), self.path('copy'))
        os.remove(self.path('in', 'a'))
        os.rename(self.path('copy'), self.path('in', 'a'))
        self.assertEqual(fingerprint(), seen[0])
        shutil.rmtree(self.path('in', 'a'))
        os.symlink(self.path('disk', 'a'), self.path('in', 'a'))
        self.write('disk/a/1', 'other')
        seen.append(fingerprint())
        os.rename(self.path('disk'), self.path('moved'))
        seen.append(fingerprint())  # the link is broken
        self.assertEqual(len(set(seen)), 3)

    def test_files_of_all_sources_are_counted_once(self):
        self.write('in/a')
        self.write('in/b/c')
        sources = [self.path('in', 'b'), self.path('in')]
        self.assertEqual(survey(sources).count, 2)

    def test_missing_source(self):
        with self.assertRaisesRegex(UserError, 'nowhere does not exist'):
            survey([self.folder, self.path('nowhere')])
