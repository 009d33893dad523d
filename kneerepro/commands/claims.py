"""Judge what the thesis claims, C1 to C9, from finished runs: the newest of
each experiment.

Each number is printed with its 95 % bootstrap interval, the number of samples
that it depends on, and the threshold with the reason for it. A claim holds,
or does not, if whole intervals lie on one side of the thresholds.
"""

import json
import math
import textwrap

from kneerepro import claims, config, engines
from kneerepro.claims.evidence import Evidence, gather
from kneerepro.claims.measurement import count_text, interval_text, verdict
from kneerepro.utils.errors import UserError


def add_arguments(parser):
    config.add_out(parser)
    parser.add_argument(
        '--preset',
        metavar='NAME',
        help='of the runs (default: that of the newest)',
    )
    parser.add_argument(
        '--format',
        choices=('text', 'json'),
        default='text',
        help='of the output (default: text)',
    )
    engines.add_arguments(parser)


def run(args):
    found = gather(args.out, args.preset)
    if not found:
        of = f' of the preset {args.preset}' if args.preset else ''
        raise UserError(f'there is no finished run{of} in {args.out}')
    judgements = claims.judge_all(
        Evidence(found, args.engine, args.device, args.precision)
    )
    preset = next(iter(found.values())).settings['preset']
    write = _write_json if args.format == 'json' else _write_text
    write(preset, found, claims.caution(found), judgements)


def _write_text(preset, found, caution, judgements):
    print(f'runs of the preset {preset}:')
    for run in found.values():
        print(f'  {run.folder}')
    if caution:
        print(_indented(caution, 0))
    for claim, found_verdict, why, measurements in judgements:
        print(f'\n{claim.number} {found_verdict}: {why}')
        print(_indented(claim.says, 3))
        for one in measurements:
            print(
                _indented(
                    f'{one.name}: {interval_text(one.estimate)}, '
                    + count_text(one),
                    5,
                )
            )
            if one.side:
                print(
                    _indented(
                        f'{verdict(one)}: {one.side} '
                        f'{one.threshold:.4g}, {one.reason}',
                        9,
                    )
                )


def _indented(text, by):
    return textwrap.fill(
        text, 79, initial_indent=' ' * by, subsequent_indent=' ' * (by + 2)
    )


def _write_json(preset, found, caution, judgements):
    print(
        json.dumps(
            {
                'preset': preset,
                'runs': {name: run.folder for name, run in found.items()},
                'caution': caution,
                'claims': [
                    {
                        'number': claim.number,
                        'says': claim.says,
                        'verdict': found_verdict,
                        'why': why,
                        'measurements': [
                            _as_dict(one) for one in measurements
                        ],
                    }
                    for claim, found_verdict, why, measurements in judgements
                ],
            },
            indent=1,
            ensure_ascii=False,
        )
    )


def _as_dict(measurement):
    value, low, high, n = measurement.estimate
    return {
        'name': measurement.name,
        'value': _finite(value),
        'low': _finite(low),
        'high': _finite(high),
        'n': n,
        'samples': measurement.samples,
        'side': measurement.side,
        'threshold': _finite(measurement.threshold),
        'reason': measurement.reason,
        'verdict': verdict(measurement) if measurement.side else None,
    }


def _finite(number):
    """A number as JSON has it: of those that are none, none."""
    return number if number is not None and math.isfinite(number) else None
