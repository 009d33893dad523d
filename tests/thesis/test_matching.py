"""Tests of matching; test_compare.py holds it to the thesis's own tables."""

import unittest
from unittest import mock

from kneerepro.thesis import errata
from kneerepro.thesis.errata import Correction, Erratum
from kneerepro.thesis.matching import align, judge
from kneerepro.thesis.records import ERRATUM, MATCH, MISMATCH


def rows(*kinds):
    return [{'Layer': {'kind': kind, 'star': ''}} for kind in kinds]


class AlignTest(unittest.TestCase):
    def numbers(self, printed, built):
        """Pairs of row numbers."""
        printed, built = rows(*printed), rows(*built)
        return [
            (i, None if row is None else built.index(row))
            for i, row in align(printed, built)
        ]

    def test_same_kinds(self):
        self.assertEqual(self.numbers('ABC', 'ABC'), [(0, 0), (1, 1), (2, 2)])

    def test_missing_row(self):
        self.assertEqual(
            self.numbers('ABC', 'AC'), [(0, 0), (1, None), (2, 1)]
        )

    def test_extra_row(self):
        self.assertEqual(
            self.numbers('AC', 'ABC'), [(0, 0), (None, 1), (1, 2)]
        )

    def test_other_kind(self):
        self.assertEqual(self.numbers('ABC', 'AXC'), [(0, 0), (1, 1), (2, 2)])


class JudgeTest(unittest.TestCase):
    """Two printed rows of size 1, of which errata make 2 or 3."""

    def judged(self, *sizes, columns=('Size',), **changes):
        def reading(value):
            return (
                Correction(
                    table='2.1',
                    column='Size',
                    values={0: value, 1: value},
                    **changes,
                ),
            )

        erratum = Erratum(
            thesis='',
            built='',
            default_reading=reading('2'),
            other_readings=(reading('3'),),
        )
        with mock.patch.object(errata, 'ERRATA', {'E1': erratum}):
            verdicts = judge(
                [(i, {'Size': {'': size}}) for i, size in enumerate(sizes)],
                [{'Size': {'': '1'}}] * 2,
                columns,
                '2.1',
                'cae2d',
            )
        return [verdict for ((verdict, _),) in verdicts]

    def test_as_printed(self):
        self.assertEqual(self.judged('1', '1'), [MATCH, MATCH])

    def test_value_of_an_erratum(self):
        self.assertEqual(self.judged('2', '2'), [ERRATUM, ERRATUM])
        self.assertEqual(self.judged('3', '3'), [ERRATUM, ERRATUM])

    def test_any_other_value(self):
        self.assertEqual(self.judged('2', '4'), [ERRATUM, MISMATCH])

    def test_mixture_of_readings(self):
        self.assertIn(MISMATCH, self.judged('2', '3'))

    def test_erratum_of_another_experiment(self):
        self.assertEqual(
            self.judged('2', '2', experiments=('cae3d',)),
            [MISMATCH, MISMATCH],
        )

    def test_erratum_of_another_aspect(self):
        self.assertEqual(
            self.judged('2', '2', aspect='kernel'), [MISMATCH, MISMATCH]
        )

    def test_missing_rows(self):
        verdicts = judge(
            [(0, None), (None, {'Size': {'': '1'}})],
            [{'Size': {'': '1'}}],
            ['Size'],
            '2.1',
            'cae2d',
        )
        self.assertEqual(verdicts, [[(MISMATCH, [])], [(MISMATCH, [])]])
