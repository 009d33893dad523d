"""The nine claims of the thesis about its results (chapter 4), C1 to C9.

The thesis judged its results by eye. Here, each claim is tested by one or
several measurements, whose thresholds were fixed before any run was looked
at. A claim holds if all of its measurements lie on the claimed side of their
thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kneerepro.claims import autoencoders, gans
from kneerepro.claims.evidence import Evidence
from kneerepro.claims.measurement import (
    FAILS,
    HOLDS,
    OPEN,
    Measurement,
    verdict,
)
from kneerepro.measures.bootstrap import TooFewSamplesError
from kneerepro.runs import Run
from kneerepro.utils.errors import UserError


@dataclass(frozen=True)
class Claim:
    """A claim of the thesis.

    Attributes
    ----------
    number : str
        'C1' to 'C9'.
    experiments : tuple of str
        The experiments whose runs are needed. The first one is the experiment
        that the claim is about.
    statement : str
        What chapter 4 says.
    measure : callable
        Takes an :class:`~kneerepro.claims.evidence.Evidence` and returns a
        list of :class:`~kneerepro.claims.measurement.Measurement`.
    """

    number: str
    experiments: tuple[str, ...]
    statement: str
    measure: Callable[[Evidence], list[Measurement]]


@dataclass(frozen=True)
class Judgement:
    """The verdict on a claim.

    Attributes
    ----------
    claim : Claim
    verdict : {'holds', 'does not hold', 'cannot be judged'}
    why : str
        The reason for the verdict, in one line.
    measurements : list of kneerepro.claims.measurement.Measurement
        Empty if nothing could be measured.
    """

    claim: Claim
    verdict: str
    why: str
    measurements: list[Measurement] = field(default_factory=list)


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge a claim.

    Parameters
    ----------
    claim : Claim
    evidence : kneerepro.claims.evidence.Evidence

    Returns
    -------
    Judgement
    """
    try:
        evidence.require_same_data(*claim.experiments)
        evidence.require_learned(*claim.experiments)
        measurements = claim.measure(evidence)
    except (UserError, TooFewSamplesError) as error:
        return Judgement(claim=claim, verdict=OPEN, why=str(error))
    verdicts = {
        measurement.name: verdict(measurement)
        for measurement in measurements
        if measurement.side
    }
    # One failed measurement is enough to reject the claim, even if others
    # cannot be judged.
    for worst, reason in [
        (FAILS, 'on the wrong side of the threshold'),
        (OPEN, 'the interval does not decide'),
    ]:
        names = [name for name, found in verdicts.items() if found == worst]
        if names:
            return Judgement(
                claim=claim,
                verdict=worst,
                why=f'{reason}: {"; ".join(names)}',
                measurements=measurements,
            )
    return Judgement(
        claim=claim,
        verdict=HOLDS,
        why='every number is on the claimed side of its threshold',
        measurements=measurements,
    )


def judge_all(
    evidence: Evidence, experiment: str | None = None
) -> list[Judgement]:
    """Judge all claims, or only those about one experiment.

    Parameters
    ----------
    evidence : kneerepro.claims.evidence.Evidence
    experiment : str, optional

    Returns
    -------
    list of Judgement
    """
    return [
        judge(claim, evidence)
        for claim in CLAIMS
        if experiment in (None, claim.experiments[0])
    ]


def caution(runs: dict[str, Run]) -> str | None:
    """Say why verdicts on these runs need not apply to the thesis.

    Parameters
    ----------
    runs : dict of str to kneerepro.runs.Run
        By experiment.

    Returns
    -------
    str or None
        None if the runs have the thesis's parameters and real images.
    """
    changed = {
        name for run in runs.values() for name in run.differences_from_thesis()
    }
    reasons = []
    if changed:
        reasons.append(f'other parameters ({", ".join(sorted(changed))})')
    if any(run.settings['data']['synthetic'] for run in runs.values()):
        reasons.append('synthetic images')
    if not reasons:
        return None
    return 'this does not judge the thesis: ' + ', '.join(reasons)


#: All claims, in the order of the thesis.
CLAIMS = [
    Claim(
        number='C1',
        experiments=('cae2d',),
        statement='The 2D reconstruction has '
        '"a negligible level of blurriness".',
        measure=autoencoders.blur,
    ),
    Claim(
        number='C2',
        experiments=('cae3d', 'cae2d'),
        statement='In 3D, "the convergence is slower [...] '
        'and the results are poorer" than in 2D.',
        measure=autoencoders.slower_and_worse,
    ),
    Claim(
        number='C3',
        experiments=('cae3d',),
        statement='In 3D, the losses of training and test set '
        '"diverge early on".',
        measure=autoencoders.overfitting,
    ),
    Claim(
        number='C4',
        experiments=('cae3d',),
        statement='The 3D decoder '
        '"is less precise at the extremities of the volumes".',
        measure=autoencoders.ends,
    ),
    Claim(
        number='C5',
        experiments=('dcgan', 'cae2d'),
        statement='DCGAN "suffers from mode collapse".',
        measure=gans.mode_collapse,
    ),
    Claim(
        number='C6',
        experiments=('dcgan',),
        statement='DCGAN has "an unstable convergence [...], '
        'especially on the discriminator".',
        measure=gans.unstable,
    ),
    Claim(
        number='C7',
        experiments=('wgan_gp', 'dcgan'),
        statement='WGAN-GP "converges quicker and in a more stable fashion" '
        'than DCGAN.',
        measure=gans.stable,
    ),
    Claim(
        number='C8',
        experiments=('wgan_gp',),
        statement='There are "a few outliers in the discriminator '
        'cost function" of WGAN-GP.',
        measure=gans.outliers,
    ),
    Claim(
        number='C9',
        experiments=('wgan_gp', 'dcgan', 'cae2d'),
        statement='WGAN-GP "offers the best performance, learns the most '
        'features and can best reproduce the original data"; here compared '
        'with DCGAN, the other generator.',
        measure=gans.best,
    ),
]
