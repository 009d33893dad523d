import gzip
import hashlib

from kneerepro.data.delimited import read_delimited
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class DelimitedTest(FolderTest):
    def table(self, content, expected=('x',)):
        return read_delimited(
            self.write('table.csv', content),
            lambda titles: set(expected) <= set(titles),
        )

    def assert_refused(self, content, *words):
        with self.assertRaises(UserError) as caught:
            self.table(content)
        for word in ('table.csv', *words):
            self.assertIn(word, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))

    def test_columns(self):
        table = self.table('x, y \n 1,"two, or so"\n3,\n')
        self.assertEqual(
            table.columns, {'x': ['1', '3'], 'y': ['two, or so', '']}
        )
        self.assertEqual((table.separator, table.lines), (',', [2, 3]))

    def test_separators(self):
        for separator in ',;\t|':
            text = 'x,y,z\n1,2,3\n'.replace(',', separator)
            self.assertEqual(self.table(text).columns['z'], ['3'], separator)

    def test_separators_within_titles(self):
        table = self.table('x;"width, depth, mm";a,b,c\n1;2;3\n')
        self.assertEqual(
            list(table.columns), ['x', 'width, depth, mm', 'a,b,c']
        )

    def test_encodings(self):
        text = 'x,größe\nMüller,3\n'
        for content in [
            text.encode(),
            text.encode('utf-8-sig'),
            text.encode('latin-1'),
            text.encode('utf-16'),
            gzip.compress(text.encode()),
        ]:
            table = self.table(content)
            self.assertEqual(table.columns, {'x': ['Müller'], 'größe': ['3']})
            self.assertEqual(table.hash, hashlib.sha256(content).hexdigest())

    def test_blank_cells(self):
        """An index without a title, blank lines, separators at the end."""
        table = self.table(
            b'\r\n,x,y,,\r\n\r\n0,1,"5\r\n6",,\r\n1,2,7,,,,\r\n , ,\r\n'
        )
        self.assertEqual(
            table.columns, {'x': ['1', '2'], 'y': ['5\r\n6', '7']}
        )
        self.assertEqual(table.lines, [5, 6])

    def test_line_ends(self):
        for end in '\n', '\r\n', '\r':
            table = self.table(end.join(['x,y', '1,2', '3,4']))
            self.assertEqual(table.columns['y'], ['2', '4'])

    def test_empty(self):
        self.assertEqual(self.table('x,y\n').columns, {'x': [], 'y': []})
        self.assert_refused('\n', 'has no text')

    def test_titles_that_occur_twice(self):
        self.assert_refused('x,y,y\n1,2,3\n', "2 columns are called 'y'")

    def test_lines_of_another_length(self):
        for line in '1,2', '1,2,3,4':
            self.assert_refused(
                f'x,y,z\n0,1,2\n{line}\n',
                f'line 3 has {len(line) // 2 + 1} columns',
                'heading 3',
            )

    def test_open_quotation_mark(self):
        """It would swallow the rows after it."""
        self.assert_refused('x,y\n1,"2\n2,3\n', 'quotation marks')

    def test_no_table(self):
        self.assert_refused('x' * 200_000, 'cannot be split into columns')

    def test_binary(self):
        self.assert_refused(b'PK\3\4\0\0x,y\n', 'is binary', 'CSV')

    def test_damaged_gzip(self):
        whole = gzip.compress(b'x,y\n1,2\n')
        self.assert_refused(whole[:-4], 'cannot be decompressed')
        self.assert_refused(whole[:12] + b'xyz', 'cannot be decompressed')

    def test_unreadable(self):
        for path, reason in (
            (self.path('nowhere.csv'), 'No such file'),
            (self.folder, 'Is a directory'),
        ):
            with self.assertRaisesRegex(
                UserError, f'cannot be read: {reason}'
            ):
                read_delimited(path, bool)
