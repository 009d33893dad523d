"""The report of a finished run: one self-contained page, ``report.html``."""

from __future__ import annotations

import math
import os
from collections.abc import Collection

from kneerepro import claims, config
from kneerepro.claims.evidence import Evidence, newest_runs
from kneerepro.claims.measurement import count_text, interval_text, verdict
from kneerepro.claims.volumes import quality_of
from kneerepro.engines import stored_precision
from kneerepro.experiment import browser
from kneerepro.experiment.captions import PRINTED, SHOWN, title_of
from kneerepro.experiment.curves import TITLES, charts_of
from kneerepro.experiment.figures import (
    CODES,
    FIGURES,
    Results,
    baselines_of,
    file_name,
)
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.runs import Run
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.utils.errors import UserError
from kneerepro.utils.pages import as_base64, save_page, template_environment

# Why parameters of the presets differ from the thesis's.
_REASONS = {
    'patients': 'fewer synthetic knees to make and to train on',
    'matrix': 'no larger than the dataset requires',
    'slices': 'fewer slices to make and to train on',
    'depth': 'fewer slices to train on',
    'encoder_sigmoid': 'E11: as in the text rather than in Table 2.1',
    'output_bias': 'E21: the other reading',
    'normalise': 'E17: another reading',
    'width': 'fewer filters, which means less computation',
    'epochs': 'chosen for the time that it takes',
    'iterations': 'length given in iterations rather than epochs',
    'batch_size': 'chosen for a smaller dataset',
    'learning_rate': 'chosen for a shorter training',
    'precision': 'convolutions and matrix products in bfloat16, which means '
    'less computation and less memory traffic',
    'first_ten_every': 'measured less often, which does not change the '
    'training',
    'test': 'enough examples for an interval of the test error',
}


def write(
    run: Run,
    results: Results,
    datasets: Collection[str] = (),
    path: str | None = None,
) -> str:
    """Write the report of a finished run.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array
        From :meth:`kneerepro.runs.Run.results`.
    datasets : collection of str
        Where to look for the run's dataset first.
    path : str, optional
        Where to write it; by default ``report.html`` in the run's folder.

    Returns
    -------
    str
        Path of the report.

    Raises
    ------
    UserError
        If a figure is missing or the report cannot be written.
    """
    spec = EXPERIMENTS[run.experiment]
    page = _ENVIRONMENT.get_template('report.html').render(
        run=run,
        title=f'The {spec.title}',
        section=spec.section,
        beyond_thesis=bool(spec.extends),
        full_preset=spec.full_preset,
        autoencoder=spec.autoencoder,
        figures=[_figure(run, number) for number in FIGURES[run.experiment]],
        codes=_codes(run, results),
        collapse=_collapse(run, results),
        identification=_identification(results),
        browsers=[
            found
            for found in (
                browser.examples_of(run, results),
                browser.volumes_of(run, results),
                browser.samples_of(run, results),
            )
            if found
        ],
        charts=charts_of(run, results),
        losses=list(_losses(run, results)),
        baselines=baselines_of(results),
        facts=_facts(run, results),
        parameters=run.parameters,
        differences=[
            (name, value, thesis, _REASONS.get(name, 'as asked for'))
            for name, (value, thesis) in run.differences_from_thesis().items()
        ],
        environments=run.environments(),
        **_claims(run, datasets),
    )
    path = path or run.path('report.html')
    save_page(page, path)
    return path


def _figure(run, number):
    # 'Figure 3.4', or 'Beyond the thesis: losses of the 3D DCGAN'.
    title, _, subject = title_of(number).partition(': ')
    shown = SHOWN[number]
    if subject:
        shown = f'{subject[0].upper()}{subject[1:]}. {shown}'
    return {
        'number': number,
        'title': title,
        'image': figure_image(run, file_name(number)),
        'printed': PRINTED.get(number),
        'shown': shown,
    }


def figure_image(run: Run, name: str) -> str:
    """A picture that a run has drawn.

    Parameters
    ----------
    run : kneerepro.runs.Run
    name : str
        From :func:`kneerepro.experiment.figures.file_name`.

    Returns
    -------
    str
        Its PNG in base64.

    Raises
    ------
    UserError
        If it is missing.
    """
    path = run.path('figures', name + '.png')
    try:
        with open(path, 'rb') as file:
            return as_base64(file.read())
    except FileNotFoundError:
        raise UserError(
            f'{path} is missing: a finished run draws its figures again if '
            f'it is resumed; {run.how_to_resume()}'
        ) from None


def _codes(run, results):
    """Return the picture of the codes, or None if the run has no codes."""
    if 'code_plane' not in results:
        return None
    return figure_image(run, CODES)


def _collapse(run, results):
    """Return a warning if the network learned nothing, else None."""
    collapse = COLLAPSES[run.experiment]
    value = collapse.measured_in(results)
    if value is None:
        return None
    text = collapse.warning(value)
    return text[0].upper() + text[1:]


def _identification(results):
    """Return how many test examples are identified, and of how many."""
    if 'identified' not in results:
        return None
    return int(results['identified'].sum()), len(results['identified'])


def _claims(run, datasets):
    """Judge the claims about an experiment from the run and, where they
    compare experiments, from the newest runs of the same preset beside it.
    A run beyond the thesis is measured in the same way, and not judged.
    """
    root = os.path.normpath(run.path(os.pardir, os.pardir))
    newest = newest_runs(root, run.settings['preset'])
    found = {
        **{name: newest[name] for name in newest if name in THESIS},
        run.experiment: run,
    }
    evidence = Evidence(
        found,
        run.settings['engine'],
        run.settings['device'],
        stored_precision(run.settings),
        datasets,
    )
    if EXPERIMENTS[run.experiment].extends:
        return {'quality': quality_of(evidence, run.experiment)}
    return {
        'judgements': claims.judge_all(evidence, run.experiment),
        'judged': found,
        'caution': claims.caution(found),
    }


def _losses(run, results):
    """Yield rows of the table of losses: name, first, least and last value,
    and the published last value.
    """
    spec = EXPERIMENTS[run.experiment]
    published = dict(spec.published)
    for name in spec.losses:
        curve = results.get(f'{name}_loss', ())
        values = [value for value in curve if not math.isnan(value)]
        if values:
            yield (
                TITLES.get(name, name),
                values[0],
                min(values),
                values[-1],
                published.get(name, ''),
            )


def _facts(run, results):
    """Return the table about the run: name and value of each row."""
    losses = [array for key, array in results.items() if key.endswith('_loss')]
    iterations = len(losses[0]) - 1  # the first is from before the training
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
        f'{int(results["iterations_per_epoch"])} per epoch',
        'training time': f'{seconds:,.0f} s, '
        f'{seconds / max(1, iterations):.3g} s per iteration',
        'engine and device': f'{run.settings["engine"]}, '
        f'{run.settings["device"]}',
        'precision': stored_precision(run.settings),
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
