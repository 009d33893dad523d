"""What the 3D autoencoder learns under each reading of E17 and E21: over what
intensities are scaled, and the initial bias of its last layer.

Trains the network of the preset quick for some hundred iterations under each
of them, and measures whether its code and its reconstructions depend on the
patient. Finished trainings are kept: a second call goes on where the first was
stopped.
"""

import argparse
import json
import os

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
from kneerepro.experiment import session
from kneerepro.experiment.redraw import run_script
from kneerepro.runs import environment
from kneerepro.runs.losses import last_value
from kneerepro.utils import cli

SCRIPT = os.path.join(
    os.path.dirname(os.path.abspath(__file__)),
    os.pardir,
    'experiments',
    'cae3d.py',
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    parser.add_argument(
        '--out',
        metavar='DIR',
        default='runs/readings',
        help='folder of the runs (default: runs/readings)',
    )
    parser.add_argument('--patients', type=cli.positive_int, default=40)
    parser.add_argument('--iterations', type=cli.positive_int, default=400)
    parser.add_argument('--preset', default='quick', metavar='NAME')
    parser.add_argument(
        '--json',
        metavar='FILE',
        help='write the rows to a file as well, for docs/publish.py',
    )
    args = parser.parse_args()
    rows = []
    for reading in READINGS:
        rows.append(row(trained(args, *reading)))
        print(
            '{normalise} {output_bias} {learning_rate:g}: spread '
            '{code_spread:.2g}, {identified} of {test} identified, test '
            'MSE {test_mse:.4f}, of the mean {mean_mse:.4f}'.format(
                **rows[-1]
            ),
            flush=True,
        )
        if args.json:
            with open(args.json, 'w', encoding='utf-8') as file:
                json.dump(
                    {
                        'revision': environment.revision(),
                        'machine': f'{environment.processor()}, '
                        f'{environment.cores()} cores',
                        'preset': args.preset,
                        'iterations': args.iterations,
                        'patients': args.patients,
                        'rows': rows,
                    },
                    file,
                    indent=1,
                )


def trained(args, normalise, output_bias, learning_rate):
    """The finished run of a reading, trained where it is missing."""
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

    def found():
        return session.find_runs(session.parse('cae3d', '', flags)[1], 'cae3d')

    unfinished = [run for run in found() if not run.finished]
    if not any(run.finished for run in found()):
        status = run_script(
            SCRIPT,
            *(
                ['--out', args.out, '--resume', unfinished[0].folder]
                if unfinished
                else flags
            ),
        )
        if status:
            raise SystemExit(status)
    return next(run for run in found() if run.finished)


def row(run):
    """What a run has learned."""
    results = run.results()
    return {
        **{
            name: run.parameters[name]
            for name in ('normalise', 'output_bias', 'learning_rate')
        },
        'code_spread': last_value(results['code_spread']),
        'test_mse': last_value(results['test_loss']),
        'mean_mse': float(results['mean_mse']),
        'identified': int(results['identified'].sum()),
        'test': len(results['identified']),
    }


if __name__ == '__main__':
    cli.run(main)
