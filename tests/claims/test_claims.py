"""The package itself, :mod:`kneerepro.claims`."""

import unittest
from unittest import mock

from kneerepro import claims
from kneerepro.claims.measurement import FAILS, HOLDS, OPEN, Measurement
from kneerepro.measures.bootstrap import Estimate
from tests.claims.evidence import FakeEvidence


def measurement(name, low, high, side='above'):
    return Measurement(
        name=name,
        estimate=Estimate(value=low, low=low, high=high, n=(9,)),
        samples='',
        side=side,
        threshold=1.0,
    )


def judge(*measurements):
    claim = claims.Claim(
        number='C0',
        experiments=('cae2d',),
        statement='',
        measure=lambda evidence: list(measurements),
    )
    return claims.judge(claim, FakeEvidence())


class JudgeTest(unittest.TestCase):
    GOOD = measurement('good', 2, 3)
    BAD = measurement('bad', 0, 0.5)
    WIDE = measurement('wide', 0, 2)
    ASIDE = measurement('aside', 0, 0, side=None)

    def test_all_measurements_have_to_hold(self):
        for measurements, expected, why in [
            (
                [self.GOOD, self.ASIDE],
                HOLDS,
                'every number is on the claimed side of its threshold',
            ),
            (
                [self.GOOD, self.BAD, self.WIDE],
                FAILS,
                'on the wrong side of the threshold: bad',
            ),
            (
                [self.GOOD, self.WIDE],
                OPEN,
                'the interval does not decide: wide',
            ),
        ]:
            judgement = judge(*measurements)
            self.assertEqual(judgement.verdict, expected)
            self.assertEqual(judgement.why, why)
            self.assertEqual(judgement.measurements, measurements)

    def test_all_claims_or_those_about_one_experiment(self):
        for experiment, expected in [
            (None, [f'C{i}' for i in range(1, 10)]),
            ('cae3d', ['C2', 'C3', 'C4']),
            ('dcgan', ['C5', 'C6']),
        ]:
            with mock.patch.object(claims, 'judge', lambda claim, _: claim):
                judged = claims.judge_all(FakeEvidence(), experiment)
            self.assertEqual([claim.number for claim in judged], expected)


class CautionTest(unittest.TestCase):
    def run_with(self, synthetic, *changed):
        run = mock.Mock(settings={'data': {'synthetic': synthetic}})
        run.differences_from_thesis.return_value = dict.fromkeys(changed)
        return run

    def test_runs_that_are_not_the_thesiss(self):
        for runs, expected in [
            ([self.run_with(False)], None),
            (
                [self.run_with(False, 'width'), self.run_with(False, 'nz')],
                'this does not judge the thesis: other parameters (nz, width)',
            ),
            (
                [self.run_with(False), self.run_with(True, 'nz')],
                'this does not judge the thesis: other parameters (nz), '
                'synthetic images',
            ),
        ]:
            self.assertEqual(claims.caution(dict(enumerate(runs))), expected)
