import json
import re
import unittest
from html.parser import HTMLParser

from kneerepro.thesis import errata
from kneerepro.thesis.formats import FORMATS
from kneerepro.thesis.presentation import summary
from tests.comparisons import default_report, report_of

try:
    import docutils.core
except ImportError:
    docutils = None


class Tables(HTMLParser):
    """Cells of all tables of a page; insists on balanced tags."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tables = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ('meta', 'br'):
            self.open.append(tag)
        if tag == 'table':
            self.tables.append([])
        elif tag == 'tr':
            self.tables[-1].append([])
        elif tag in ('td', 'th'):
            self.tables[-1][-1].append([])

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise ValueError(tag)

    def handle_data(self, data):
        if {'td', 'th'} & set(self.open) and data.strip():
            self.tables[-1][-1][-1].append(data.strip())


class FormatsTest(unittest.TestCase):
    def rendered(self, name, report=None):
        return FORMATS[name](report or default_report())

    def test_all_say_the_same(self):
        sentence = summary(default_report())
        self.assertRegex(
            sentence,
            r'^\d+ cells: \d+ match, 69 differ as an erratum explains, and '
            r'0 are unexplained\.$',
        )
        for name in 'terminal', 'rst', 'md', 'html':
            self.assertIn(sentence, self.rendered(name))

    def test_terminal(self):
        lines = self.rendered('terminal').splitlines()
        self.assertLessEqual(max(map(len, lines)), 100)
        i = lines.index('Table 2.3, generator of the DCGAN')
        row = next(j for j in range(i, len(lines)) if '1x1x64x64' in lines[j])
        printed, built, why = lines[row : row + 3]
        self.assertEqual(
            printed.split(),
            [
                'printed',
                'Deconv2D*',
                '128x1x32x32',
                '5x5x1',
                '2',
                '1',
                'sigmoid',
                '1x1x64x64',
            ],
        )
        self.assertEqual(
            built.split(),
            [
                'built',
                'Deconv2D',
                '128x1x32x32',
                '4x4x1',
                '2',
                '1',
                'sigmoid',
                '1x1x64x64',
                'erratum',
            ],
        )
        self.assertEqual(why.index('E5'), printed.index('Deconv2D*'))
        self.assertEqual(why.index('E3'), printed.index('5x5x1'))
        self.assertNotIn('???', '\n'.join(lines[20:]))

    def test_mismatch_is_shown(self):
        report = report_of(critic_batch_norm='no', cae2d__width='0.5')
        for name in 'terminal', 'rst', 'md', 'html':
            text = self.rendered(name, report)
            self.assertGreater(text.count('???'), 5)
            self.assertIn('width 0.5 (the thesis: 1)', text)
            self.assertIn('mismatch', text)

    def test_json(self):
        content = json.loads(self.rendered('json'))
        self.assertEqual(
            list(content),
            [
                'format',
                'reading',
                'tables',
                'errata',
                'differences',
                'problems',
            ],
        )
        self.assertEqual(content['format'], 1)
        self.assertEqual(
            [table['number'] for table in content['tables']],
            [
                *['2.1', '2.2'] * 2,
                *['2.3', '2.4'] * 2,
                *['2.5', *['text'] * 4],
                *['2.3', '2.4'] * 2,
            ],
        )
        self.assertEqual(
            content['tables'][1]['rows'][1]['cells'][5],
            {
                'column': 'Activ.',
                'printed': '-',
                'built': 'ReLU',
                'verdict': 'erratum',
                'errata': ['E4'],
                'reason': errata.ERRATA['E4'].thesis,
            },
        )
        self.assertEqual(content['errata'][2]['number'], 'E3')

    def test_html(self):
        page = Tables(self.rendered('html'))
        self.assertEqual(page.open, [])
        self.assertEqual(len(page.tables), 18)
        for comparison, rows in zip(default_report().comparisons, page.tables):
            self.assertEqual(len(rows), 1 + len(comparison.rows))
            self.assertEqual(len({len(row) for row in rows}), 1)
        self.assertEqual(page.tables[1][2][6], ['-', 'ReLU', 'E4'])
        self.assertEqual(
            page.tables[9][-1][1:], [['22500'], ['21700'], ['E9']]
        )

    def test_md(self):
        text = self.rendered('md')
        tables = re.findall(r'(?m)(?:^\|.*\n)+', text)
        self.assertEqual(len(tables), 18)
        for table in tables:
            rows = [
                re.split(r'(?<!\\)\|', line)[1:-1]
                for line in table.splitlines()
            ]
            self.assertEqual(len({len(row) for row in rows}), 1)
        self.assertIn(r'| printed | Deconv2D\* | 128x1x32x32 |', text)

    def test_rst(self):
        text = self.rendered('rst')
        if docutils is None:
            self.check_rst(text)
            return
        document = docutils.core.publish_doctree(
            text, settings_overrides={'report_level': 1, 'halt_level': 1}
        )
        tables = list(document.findall(docutils.nodes.table))
        self.assertEqual(len(tables), 18)

    def check_rst(self, text):
        """Tables have three rules each, and cells that end in their
        columns."""
        lines, rules = text.splitlines(), []
        for line in lines:
            if re.match('=+ +=', line):
                rules.append(line)
            elif len(rules) % 3:
                gaps = [m.start() for m in re.finditer(' +', rules[-1])]
                self.assertTrue(
                    all(line[j : j + 2].strip() == '' for j in gaps), line
                )
                # Otherwise lists.
                self.assertNotRegex(line, r'(^| {2})(-|\w\. \S+)( |$)')
        self.assertEqual(len(rules), 3 * 18)
        self.assertEqual(rules[::3], rules[1::3])
        self.assertEqual(rules[::3], rules[2::3])
