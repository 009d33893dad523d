"""Measure what the 3D autoencoder learns under each reading of E17 and E21:
how intensities are scaled, and the initial bias of the last layer.

Trains the network of the preset quick for some hundred iterations under each
reading, and measures whether its code and its reconstructions depend on the
patient. Finished trainings are kept: a second call resumes where the first was
stopped.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import check_environment  # noqa: F401, says what to run

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
from kneerepro import command_line
from kneerepro.experiment.arguments import parse
from kneerepro.experiment.choose import best_run, flags_to_train
from kneerepro.runs import Run, environment
from kneerepro.runs.losses import last_value
from kneerepro.utils import cli
from kneerepro.utils.scripts import run_script

EXPERIMENT = 'cae3d'
SCRIPT = os.path.join(
    os.path.dirname(os.path.abspath(__file__)),
    os.pardir,
    'experiments',
    f'{EXPERIMENT}.py',
)

#: Normalisation, output bias and learning rate.
READINGS = [
    ('volume', 'mean', 3e-4),
    ('volume', 'zero', 3e-4),
    ('slice-max', 'mean', 3e-4),
    ('slice-max', 'zero', 3e-4),
    ('slice-max', 'mean', 1e-4),
    ('slice-max', 'zero', 1e-4),
    ('slice', 'mean', 3e-4),
    ('dataset', 'mean', 3e-4),
]


def main() -> None:
    """Train and measure under each reading, and write the results."""
    args = parse_arguments()
    rows = []
    for normalise, output_bias, learning_rate in READINGS:
        run = trained_run(args, normalise, output_bias, learning_rate)
        rows.append(row(run))
        print(
            '{normalise} {output_bias} {learning_rate:g}: spread '
            '{code_spread:.2g}, {identified} of {test} identified, test '
            'MSE {test_mse:.4f}, of the mean {mean_mse:.4f}'.format(
                **rows[-1]
            ),
            flush=True,
        )
        if args.json:
            write(args, rows)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    parser.add_argument(
        '--out',
        metavar='DIR',
        default='runs/readings',
        help='folder of the runs (default: runs/readings)',
    )
    command_line.add_count(parser, '--patients', 40, 'synthetic patients')
    command_line.add_count(
        parser, '--iterations', 400, 'minibatches to train on'
    )
    command_line.add_preset(parser)
    parser.add_argument(
        '--json',
        metavar='FILE',
        help='also write the rows to a file, for docs/publish.py',
    )
    return parser.parse_args()


def trained_run(
    args: argparse.Namespace,
    normalise: str,
    output_bias: str,
    learning_rate: float,
) -> Run:
    """Find the finished run of a reading, or train it."""
    flags = [
        '--preset',
        args.preset,
        '--out',
        args.out,
        '--patients',
        str(args.patients),
        '--iterations',
        str(args.iterations),
        '--normalise',
        normalise,
        '--output-bias',
        output_bias,
        '--learning-rate',
        str(learning_rate),
        '--first-ten-every',
        str(args.iterations),
    ]
    _, asked = parse(EXPERIMENT, flags)
    run = best_run(asked, EXPERIMENT)
    if run is None or not run.finished:
        status = run_script(SCRIPT, *flags_to_train(run, args.out, flags))
        if status:
            raise SystemExit(status)
        run = best_run(asked, EXPERIMENT)
    return run


def row(run: Run) -> dict[str, Any]:
    """Summarise what a run has learned."""
    results = run.results()
    return {
        'normalise': run.parameters['normalise'],
        'output_bias': run.parameters['output_bias'],
        'learning_rate': run.parameters['learning_rate'],
        'code_spread': last_value(results['code_spread']),
        'test_mse': last_value(results['test_loss']),
        'mean_mse': float(results['mean_mse']),
        'identified': int(results['identified'].sum()),
        'test': len(results['identified']),
    }


def write(args: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """Write the rows to ``--json``."""
    content = {
        'revision': environment.revision(),
        'machine': f'{environment.processor()}, {environment.cores()} cores',
        'preset': args.preset,
        'iterations': args.iterations,
        'patients': args.patients,
        'rows': rows,
    }
    with open(args.json, 'w', encoding='utf-8') as file:
        json.dump(content, file, indent=1)


if __name__ == '__main__':
    cli.run(main)
