"""Test what the thesis claims, C1 to C9, with the newest finished run of
each experiment.

Each number is printed with its 95 % bootstrap interval, its sample size, and
the threshold with its reason. A claim holds, or does not, if whole intervals
lie on one side of the thresholds.
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
        help='datasets of the runs, if they are no longer where they were; '
        'their hashes tell to which runs they belong',
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
    judgements = claims.judge_all(
        Evidence(found, args.engine, args.device, args.precision, args.data)
    )
    preset = next(iter(found.values())).settings['preset']
    write = _write_json if args.format == 'json' else _write_text
    write(preset, found, claims.caution(found), judgements)


def _write_text(preset, found, caution, judgements):
    print(f'runs of the preset {preset}:')
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


def _write_json(preset, found, caution, judgements):
    content = {
        'preset': preset,
        'runs': {name: run.folder for name, run in found.items()},
        'caution': caution,
        'claims': [_judgement_as_json(judgement) for judgement in judgements],
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
