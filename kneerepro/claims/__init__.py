"""What the thesis claims of its results (chapter 4), C1 to C9, judged.

The thesis judged by eye. Here, each claim is one or several measurements with
a threshold, fixed before any run was looked at; it holds if all of them are
on the right side of theirs.
"""

from collections import namedtuple

from kneerepro import config
from kneerepro.claims import autoencoders, gans
from kneerepro.claims.measurement import FAILS, HOLDS, OPEN, verdict
from kneerepro.measures.bootstrap import TooFew
from kneerepro.utils.errors import UserError

Claim = namedtuple('Claim', 'number experiments says measure')
Claim.__doc__ = """A claim.

Attributes
----------
number : str
    'C1' to 'C9'.
experiments : tuple of str
    Whose runs it takes, the one it concerns first.
says : str
    What chapter 4 says.
measure : callable
    From a :class:`kneerepro.claims.evidence.Evidence` to a list of
    measurements.
"""

Judgement = namedtuple('Judgement', 'claim verdict why measurements')
Judgement.__doc__ = """What becomes of a claim.

Attributes
----------
claim : Claim
verdict : {'holds', 'does not hold', 'cannot be judged'}
why : str
measurements : list of kneerepro.claims.measurement.Measurement
    Empty if it could not be measured.
"""


def judge(claim, evidence):
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
        evidence.same_data(*claim.experiments)
        evidence.require_learned(*claim.experiments)
        measurements = claim.measure(evidence)
    except (UserError, TooFew) as error:
        return Judgement(claim, OPEN, str(error), [])
    verdicts = {one.name: verdict(one) for one in measurements if one.side}
    for found in FAILS, OPEN:
        names = [name for name in verdicts if verdicts[name] == found]
        if names:
            why = {FAILS: 'not so: ', OPEN: 'the interval does not tell: '}
            return Judgement(
                claim, found, why[found] + '; '.join(names), measurements
            )
    return Judgement(
        claim, HOLDS, 'all on the right side of the threshold', measurements
    )


def judge_all(evidence, experiment=None):
    """Judge all claims, or those that concern an experiment first.

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


def caution(found):
    """Why what holds for runs need not hold for the thesis.

    Parameters
    ----------
    found : dict of str to kneerepro.runs.Run

    Returns
    -------
    str or None
        None if the runs are the thesis's.
    """
    changed, synthetic = set(), False
    for run in found.values():
        changed |= set(config.differences_of(run))
        synthetic |= run.settings['data']['synthetic']
    reasons = []
    if changed:
        reasons.append(f'other parameters ({", ".join(sorted(changed))})')
    if synthetic:
        reasons.append('synthetic images')
    if not reasons:
        return None
    return 'this does not judge the thesis: ' + ', '.join(reasons)


#: The claims, in the order of the thesis.
CLAIMS = [
    Claim(
        'C1',
        ('cae2d',),
        'The 2D reconstruction has "a negligible level of blurriness".',
        autoencoders.blur,
    ),
    Claim(
        'C2',
        ('cae3d', 'cae2d'),
        'In 3D, "the convergence is slower [...] '
        'and the results are poorer" than in 2D.',
        autoencoders.slower_and_worse,
    ),
    Claim(
        'C3',
        ('cae3d',),
        'In 3D, the losses of training and test set "diverge early on".',
        autoencoders.overfitting,
    ),
    Claim(
        'C4',
        ('cae3d',),
        'The 3D decoder "is less precise at the extremities of the volumes".',
        autoencoders.ends,
    ),
    Claim(
        'C5',
        ('dcgan', 'cae2d'),
        'DCGAN "suffers from mode collapse".',
        gans.mode_collapse,
    ),
    Claim(
        'C6',
        ('dcgan',),
        'DCGAN has "an unstable convergence [...], '
        'especially on the discriminator".',
        gans.unstable,
    ),
    Claim(
        'C7',
        ('wgan_gp', 'dcgan'),
        'WGAN-GP "converges quicker and in a more stable fashion" than DCGAN.',
        gans.stable,
    ),
    Claim(
        'C8',
        ('wgan_gp',),
        'There are "a few outliers in the discriminator '
        'cost function" of WGAN-GP.',
        gans.outliers,
    ),
    Claim(
        'C9',
        ('wgan_gp', 'dcgan', 'cae2d'),
        'WGAN-GP "offers the best '
        'performance, learns the most features and can best reproduce the '
        'original data"; here, beside DCGAN, which generates as well.',
        gans.best,
    ),
]
