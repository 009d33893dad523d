"""Print and write the results of a study."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence

from kneerepro.figures.prediction import figure_of_classes, figure_of_numbers
from kneerepro.figures.style import save_figure
from kneerepro.measures.bootstrap import Estimate
from kneerepro.prediction.scores import scores_of
from kneerepro.prediction.study import Result, Study
from kneerepro.utils.files import replacing

#: The files that :func:`write` writes.
FILES = (
    'scores.csv',
    'predictions.csv',
    'learning_curve.csv',
    'prediction.png',
    'prediction.pdf',
)


def table(study: Study) -> list[str]:
    """Return the lines of a table of all scores with their intervals."""
    names = list(study.results[0].scores)
    rows = [['', 'numbers', *names]]
    for result in study.results:
        rows.append(
            [
                result.name,
                str(result.size or ''),
                *(_text(result.scores[name]) for name in names),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        '  '.join(
            cell.ljust(width) for cell, width in zip(row, widths)
        ).rstrip()
        for row in rows
    ]


def footer(study: Study) -> str:
    """Return the small print of the figure."""
    patients = len(set(study.patients))
    return (
        f'beyond the thesis (section 4.2); {len(study.volumes):,} volumes of '
        f'{patients:,} patients; nested cross-validation grouped by patient; '
        'bands: least to greatest of five draws of the labelled patients'
    )


def conclusion(study: Study) -> str:
    """Say whether the network's features predict better than the baselines.

    One predicts better than another if its score is better and their intervals
    do not overlap. Neither predicts anything if both intervals reach down to
    what chance gives.
    """
    classes, label = study.target.classes, study.target.name
    chance = 0 if classes is None else 1 / len(classes)
    score = next(iter(scores_of(study.target)))
    ours, *others = study.results
    best = max(others, key=lambda result: result.scores[score].value)
    a, b = ours.scores[score], best.scores[score]
    compared = f'{score} {a.value:.2f} against {b.value:.2f} of {best.name}.'
    if max(_low(a), _low(b)) <= chance:
        return f'Nothing here predicts {label}: {compared}'
    if _low(a) > _high(b):
        return f'The network predicts {label} best: {compared}'
    if _low(b) > _high(a):
        return f'A baseline predicts {label} better: {compared}'
    return (
        f'The network predicts {label} about as well as the best baseline: '
        f'{compared}'
    )


def _low(found: Estimate) -> float:
    return found.value if found.low is None else found.low


def _high(found: Estimate) -> float:
    return found.value if found.high is None else found.high


def write(
    study: Study, folder: str, small_print: str | None = None
) -> list[str]:
    """Write the scores, the predictions, the learning curve and the figure.

    Parameters
    ----------
    study : Study
    folder : str
        It is created if missing.
    small_print : str, optional
        At the bottom of the figure; by default :func:`footer`.

    Returns
    -------
    list of str
        The paths of :data:`FILES`.
    """
    os.makedirs(folder, exist_ok=True)
    paths = [os.path.join(folder, name) for name in FILES]
    for path, rows in zip(
        paths, (_scores(study), _predictions(study), _curve(study))
    ):
        _write_csv(path, rows)
    figure = _figure(study, small_print or footer(study))
    save_figure(figure, os.path.join(folder, 'prediction'))
    return paths


def _write_csv(path: str, rows: Iterable[Sequence[object]]) -> None:
    with (
        replacing(path) as temporary,
        open(temporary, 'w', newline='', encoding='utf-8') as file,
    ):
        csv.writer(file).writerows(rows)


def _scores(study):
    yield ['features', 'numbers', 'score', 'value', 'low', 'high', 'patients']
    for result in study.results:
        for name, found in result.scores.items():
            yield [
                result.name,
                result.size,
                name,
                found.value,
                found.low,
                found.high,
                *found.n,
            ]


def _predictions(study):
    """A row for each volume; for classes, with the probability of each."""
    classes = study.target.classes
    columns = [
        f'{result.name}{suffix}'
        for result in study.results
        for suffix in (
            [''] if classes is None else [f': {name}' for name in classes]
        )
    ]
    yield ['volume', 'patient', study.target.name, *columns]
    for i, (volume, patient) in enumerate(zip(study.volumes, study.patients)):
        cells: list[float] = []
        for result in study.results:
            row = result.predicted[i]
            cells += [row] if classes is None else list(row)
        yield [volume, patient, study.target.values[i], *cells]


def _curve(study):
    score = next(iter(scores_of(study.target)))
    yield ['features', 'labelled patients', 'draw', score]
    for point in study.learning_curve:
        for draw, value in enumerate(point.values):
            yield [point.name, point.patients, draw, value]


def _figure(study: Study, small_print: str):
    ours: Result = study.results[0]
    first = next(iter(ours.scores))
    curves: dict[str, list[tuple[int, Sequence[float]]]] = {}
    for point in study.learning_curve:
        curves.setdefault(_short(point.name), []).append(
            (point.patients, point.values)
        )
    name = study.target.title
    title = f'from the {_short(study.network)}: {first} ' + _text(
        ours.scores[first]
    )
    target, codes = study.target, study.target.codes
    if target.classes is None or codes is None:
        return figure_of_numbers(
            name,
            target.values,
            ours.predicted,
            title,
            first,
            curves,
            small_print,
        )
    return figure_of_classes(
        name,
        target.classes,
        codes,
        ours.predicted,
        title,
        first,
        curves,
        small_print,
    )


def _short(name):
    """The name of features without its explanation, for a legend."""
    return name.partition(',')[0].partition(' (')[0]


def _text(estimate: Estimate) -> str:
    """Return a number with its interval, such as '0.91 [0.84, 0.95]'."""
    if estimate.low is None:
        return f'{estimate.value:.2f}'
    return f'{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]'
