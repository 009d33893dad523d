"""What the formats of a comparison show, on a comparison made up here."""

import unittest

from kneerepro.thesis import errata, presentation
from kneerepro.thesis.records import Cell, Comparison, Report, Row

MATCHING = Cell(
    column='Layer', printed='Dense', built='Dense', verdict='match', errata=[]
)
EXPLAINED = Cell(
    column='Activ.',
    printed='-',
    built='ReLU',
    verdict='erratum',
    errata=['E4', 'E5'],
)
UNEXPLAINED = Cell(
    column='Activ.', printed='-', built=None, verdict='mismatch', errata=[]
)


def comparison(*rows, **changes):
    return Comparison(
        **{
            'number': '2.2',
            'title': 'Layout',
            'subject': 'decoder of the DCGAN',
            'experiment': 'dcgan',
            'derived': False,
            'parameters': 1234,
            'rows': [Row(label='row 2', cells=list(cells)) for cells in rows],
            **changes,
        }
    )


def report(*comparisons, **changes):
    return Report(
        **{
            'reading': 'a reading',
            'comparisons': list(comparisons),
            'errata': {'E4': 'here', 'E6': 'nowhere'},
            'problems': [],
            'differences': {},
            **changes,
        }
    )


class ComparisonTest(unittest.TestCase):
    def test_heading_and_facts(self):
        table = comparison()
        self.assertEqual(
            presentation.heading(table), 'Table 2.2, decoder of the DCGAN'
        )
        self.assertEqual(
            presentation.facts(table), '"Layout". 1,234 trainable parameters'
        )
        text = comparison(number='text', parameters=None)
        self.assertEqual(
            presentation.heading(text), 'The text, decoder of the DCGAN'
        )
        self.assertEqual(presentation.facts(text), '')

    def test_marks_and_verdict_of_a_row(self):
        for cells, marks, verdict in [
            ([MATCHING], [''], 'match'),
            ([MATCHING, EXPLAINED], ['', 'E4 E5'], 'erratum'),
            ([EXPLAINED, UNEXPLAINED], ['E4 E5', '???'], 'mismatch'),
        ]:
            self.assertEqual(list(map(presentation.mark, cells)), marks)
            self.assertEqual(
                presentation.worst_verdict(Row(label='', cells=cells)), verdict
            )

    def test_reasons_in_the_order_of_the_errata(self):
        table = comparison([EXPLAINED], [EXPLAINED])
        self.assertEqual(
            presentation.reasons(table),
            [(name, errata.ERRATA[name].thesis) for name in ('E4', 'E5')],
        )


class GridTest(unittest.TestCase):
    def test_table_of_layers(self):
        headings, groups = presentation.grid(
            comparison([MATCHING, EXPLAINED], [MATCHING, UNEXPLAINED])
        )
        self.assertEqual(headings, ['', 'Layer', 'Activ.', 'verdict'])
        self.assertEqual(
            groups,
            [
                [
                    ['printed', 'Dense', '-', ''],
                    ['built', 'Dense', 'ReLU', 'erratum'],
                    ['', '', 'E4 E5', ''],
                ],
                [
                    ['printed', 'Dense', '-', ''],
                    ['built', 'Dense', 'nothing', 'mismatch'],
                    ['', '', '???', ''],
                ],
            ],
        )

    def test_other_tables_have_labels(self):
        headings, groups = presentation.grid(
            comparison([EXPLAINED], number='2.5', derived=True)
        )
        self.assertEqual(headings, ['', 'Network', 'Activ.', 'verdict'])
        self.assertEqual(
            groups,
            [
                [
                    ['in 3D', 'row 2', '-', ''],
                    ['built', '', 'ReLU', 'erratum'],
                    ['', '', 'E4 E5', ''],
                ]
            ],
        )

    def test_statements_take_a_line_each(self):
        headings, groups = presentation.grid(
            comparison([MATCHING], [EXPLAINED], number='text')
        )
        self.assertEqual(headings, ['', 'printed', 'built', 'verdict'])
        self.assertEqual(
            groups,
            [
                [['row 2', 'Dense', 'Dense', 'match']],
                [['row 2', '-', 'ReLU', 'E4 E5']],
            ],
        )


class ReportTest(unittest.TestCase):
    def test_summary(self):
        found = report(comparison([MATCHING, EXPLAINED], [MATCHING]))
        self.assertEqual(
            presentation.summary(found),
            '3 cells: 2 match, 1 differ as an erratum explains, and 0 are '
            'unexplained.',
        )
        self.assertEqual(
            list(presentation.conclusion(found)), [presentation.summary(found)]
        )

    def test_differences_are_the_likely_cause_of_problems(self):
        changes = {'differences': {'width': ('0.5', '1')}}
        _, text = presentation.conclusion(report(**changes))
        self.assertEqual(
            text,
            'Parameters that differ from the thesis: width 0.5 (the thesis: '
            '1).',
        )
        _, text = presentation.conclusion(report(**changes, problems=['x']))
        self.assertIn('the likely cause', text)

    def test_rows_of_errata(self):
        e4, e6 = presentation.errata_rows(report())
        self.assertEqual(
            e4[2:], ['ReLU (linear: dense_nonlinearity=linear)', 'here']
        )
        self.assertEqual(e6[0], 'E6')
        self.assertNotIn('(', e6[2])

    def test_paragraphs_name_the_reading(self):
        self.assertEqual(
            presentation.paragraphs(report())[0],
            'The thesis is compared with a reading.',
        )
