"""A finished run on one page: ``report.html``, which needs no other file."""

import base64
import math
import os

from kneerepro import claims, config
from kneerepro.claims.evidence import Evidence, gather
from kneerepro.claims.measurement import count_text, interval_text, verdict
from kneerepro.engines import precision_of
from kneerepro.experiment.captions import PRINTED, SHOWN
from kneerepro.experiment.figures import (
    CODES,
    FIGURES,
    baselines_of,
    file_name,
)
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from kneerepro.utils.pages import template_environment

# Why a parameter differs, by what it is.
_REASONS = {
    'patients': 'synthetic knees: fewer to make and to train on',
    'matrix': 'made no larger than the dataset needs',
    'slices': 'fewer slices to make and to train on',
    'depth': 'fewer slices to train on',
    'encoder_sigmoid': 'E11: as in the text rather than in Table 2.1',
    'output_bias': 'E21: the other reading',
    'normalise': 'E17: another reading',
    'width': 'fewer filters: less to compute',
    'epochs': 'chosen for the time it takes',
    'iterations': 'a length in iterations, not epochs',
    'batch_size': 'chosen for a smaller dataset',
    'learning_rate': 'chosen for a shorter training',
    'precision': 'convolutions and products of matrices on bfloat16 numbers: '
    'less to compute and to move',
    'first_ten_every': 'measured less often: it changes nothing in the '
    'training',
    'test': 'enough of them for an interval of the test error',
}


def write(run, results):
    """Write the report of a finished run.

    Parameters
    ----------
    run : kneerepro.runs.Run
        Whose figures are drawn.
    results : dict of str to array

    Returns
    -------
    str
        Its path.

    Raises
    ------
    UserError
        If a figure is missing, or it cannot be written.
    """
    spec = EXPERIMENTS[run.experiment]
    page = _ENVIRONMENT.get_template('report.html').render(
        run=run,
        title=f'The {spec.title}',
        section=spec.section,
        autoencoder=spec.autoencoder,
        figures=[_figure(run, number) for number in FIGURES[run.experiment]],
        codes=_codes(run, results),
        collapse=_collapse(run, results),
        identification=_identification(results),
        losses=list(_losses(run, results)),
        baselines=baselines_of(results),
        facts=_facts(run, results),
        parameters=run.parameters,
        differences=[
            (name, value, thesis, _REASONS.get(name, 'as asked for'))
            for name, (value, thesis) in config.differences_of(run).items()
        ],
        environments=run.environments(),
        **_claims(run),
    )
    path = run.path('report.html')
    with replacing(path) as temporary:
        with open(temporary, 'w', encoding='utf-8') as file:
            file.write(page)
    return path


def _figure(run, number):
    image = _image(run.path('figures', file_name(number) + '.png'))
    return {
        'number': number,
        'image': image,
        'printed': PRINTED[number],
        'shown': SHOWN[number],
    }


def _image(path):
    """The content of a picture, in base64."""
    try:
        with open(path, 'rb') as file:
            return base64.b64encode(file.read()).decode()
    except FileNotFoundError:
        raise UserError(f'{path} is missing: draw it first') from None


def _codes(run, results):
    """The picture of the codes, or None."""
    return (
        _image(run.path('figures', CODES + '.png'))
        if 'code_plane' in results
        else None
    )


def _collapse(run, results):
    """What is to be said of a network that learned nothing, or None."""
    collapse = COLLAPSES[run.experiment]
    value = collapse.in_results(results)
    if value is None:
        return None
    text = collapse.warning(value)
    return text[0].upper() + text[1:]


def _identification(results):
    """Test examples that are known by their reconstruction, and all."""
    if 'identified' not in results:
        return None
    return int(results['identified'].sum()), len(results['identified'])


def _claims(run):
    """What can be said of the claims on an experiment, by a run and the
    newest ones of its preset beside it.
    """
    root = os.path.normpath(run.path(os.pardir, os.pardir))
    found = {**gather(root, run.settings['preset']), run.experiment: run}
    evidence = Evidence(
        found,
        run.settings['engine'],
        run.settings['device'],
        precision_of(run.settings),
    )
    return {
        'judgements': claims.judge_all(evidence, run.experiment),
        'judged': found,
        'caution': claims.caution(found),
    }


def _losses(run, results):
    """Rows: name, first, least, last value, and the published last one."""
    published = dict(EXPERIMENTS[run.experiment].published)
    for name in sorted(results):
        if name.endswith('_loss'):
            values = [
                value for value in results[name] if not math.isnan(value)
            ]
            if values:
                name = name[: -len('_loss')]
                yield (
                    name.replace('_', ' '),
                    values[0],
                    min(values),
                    values[-1],
                    published.get(name, ''),
                )


def _facts(run, results):
    iterations = (
        len(
            next(
                value
                for name, value in results.items()
                if name.endswith('_loss')
            )
        )
        - 1
    )
    seconds = float(results['seconds'])
    data = run.settings['data']
    return {
        'preset': run.settings['preset'],
        'data': 'synthetic knees' if data['synthetic'] else 'own data',
        'volumes': '{volumes} of {shape[0]} x {shape[1]} x {shape[2]}'.format(
            **data
        ),
        'training and test examples': f'{data["train"]:,} and '
        f'{data["test"]:,}',
        'dataset hash': data['hash'],
        'length': f'{iterations:,} iterations, '
        f'{int(results["iterations_per_epoch"])} an epoch',
        'time of training': f'{seconds:,.0f} s, '
        f'{seconds / max(1, iterations):.3g} s an '
        'iteration',
        'engine and device': f'{run.settings["engine"]}, '
        f'{run.settings["device"]}',
        'precision': precision_of(run.settings),
    }


def _number(value):
    return f'{value:.4g}'


_ENVIRONMENT = template_environment(
    number=_number,
    text=config.as_text,
    interval=interval_text,
    count=count_text,
    verdict=verdict,
)
