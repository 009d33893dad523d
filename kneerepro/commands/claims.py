"""Test the thesis's claims, C1 to C9, on the newest finished run of each
experiment.

Each number is printed with its 95 % bootstrap interval, its sample size, and
the threshold with its reason. A claim holds, or does not hold, only if whole
intervals lie on one side of the thresholds. The GANs of volumes, which go
beyond the thesis, are measured in the same way but not judged.
"""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from typing import Any

from kneerepro import claims, command_line, engines
from kneerepro.claims.evidence import Evidence, newest_runs
from kneerepro.claims.measurement import count_text, interval_text, verdict
from kneerepro.claims.volumes import quality_of
from kneerepro.registry import EXPERIMENTS, THESIS
from kneerepro.utils.errors import UserError
from kneerepro.utils.text import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    command_line.add_out(parser)
    parser.add_argument(
        '--preset',
        metavar='NAME',
        help='use runs of this preset (default: that of the newest run)',
    )
    parser.add_argument(
        '--data',
        metavar='FILE',
        nargs='+',
        default=[],
        help='datasets of the runs, if they have been moved; each is matched '
        'to its runs by its hash',
    )
    parser.add_argument(
        '--format',
        choices=('text', 'json'),
        default='text',
        help='output format (default: text)',
    )
    engines.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Judge the claims and print the judgements."""
    found = newest_runs(args.out, args.preset)
    if not found:
        of = f' of the preset {args.preset}' if args.preset else ''
        raise UserError(f'there is no finished run{of} in {args.out}')
    evidence = Evidence(
        found, args.engine, args.device, args.precision, args.data
    )
    judged = {name: found[name] for name in found if name in THESIS}
    judgements = claims.judge_all(evidence)
    qualities = [
        quality_of(evidence, name) for name in found if name not in THESIS
    ]
    write = _write_json if args.format == 'json' else _write_text
    write(found, claims.caution(judged), judgements, qualities)


def _preset_of(found):
    return next(iter(found.values())).settings['preset']


def _write_text(found, caution, judgements, qualities):
    print(f'runs of the preset {_preset_of(found)}:')
    for run in found.values():
        print(printable(f'  {run.folder}'))
    if caution:
        print(_indented(caution, 0))
    for judgement in judgements:
        claim = judgement.claim
        print(f'\n{claim.number} {judgement.verdict}: {judgement.why}')
        print(_indented(claim.statement, 3))
        for measurement in judgement.measurements:
            _print_measurement(measurement)
    for quality in qualities:
        print(
            f'\nBeyond the thesis: the {EXPERIMENTS[quality.experiment].title}'
        )
        for reason in quality.missing:
            print(_indented(f'not everything could be measured: {reason}', 3))
        for measurement in quality.measurements:
            _print_measurement(measurement)


def _print_measurement(measurement):
    interval, count = (
        interval_text(measurement.estimate),
        count_text(measurement),
    )
    print(_indented(f'{measurement.name}: {interval}, {count}', 5))
    if measurement.side:
        threshold = (
            f'{verdict(measurement)}: {measurement.side} '
            f'{measurement.threshold:.4g}, {measurement.reason}'
        )
        print(_indented(threshold, 9))


def _indented(text, width):
    return textwrap.fill(
        text,
        79,
        initial_indent=' ' * width,
        subsequent_indent=' ' * (width + 2),
    )


def _write_json(found, caution, judgements, qualities):
    content = {
        'preset': _preset_of(found),
        'runs': {name: run.folder for name, run in found.items()},
        'caution': caution,
        'claims': [_judgement_as_json(judgement) for judgement in judgements],
        'beyond': [_quality_as_json(quality) for quality in qualities],
    }
    print(json.dumps(content, indent=1, ensure_ascii=False))


def _judgement_as_json(judgement) -> dict[str, Any]:
    return {
        'number': judgement.claim.number,
        'says': judgement.claim.statement,
        'verdict': judgement.verdict,
        'why': judgement.why,
        'measurements': [
            _measurement_as_json(measurement)
            for measurement in judgement.measurements
        ],
    }


def _quality_as_json(quality) -> dict[str, Any]:
    return {
        'experiment': quality.experiment,
        'missing': quality.missing,
        'measurements': [
            _measurement_as_json(measurement)
            for measurement in quality.measurements
        ],
    }


def _measurement_as_json(measurement) -> dict[str, Any]:
    estimate = measurement.estimate
    return {
        'name': measurement.name,
        'value': _finite(estimate.value),
        'low': _finite(estimate.low),
        'high': _finite(estimate.high),
        'n': estimate.n,
        'samples': measurement.samples,
        'side': measurement.side,
        'threshold': _finite(measurement.threshold),
        'reason': measurement.reason,
        'verdict': verdict(measurement) if measurement.side else None,
    }


def _finite(number: float | None) -> float | None:
    """A finite number, or None: JSON has no infinity and no NaN."""
    return number if number is not None and math.isfinite(number) else None
