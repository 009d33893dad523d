"""Predict the size of knees from what a network has learned without labels.

"If successful, the deepest [...] output could be used for a supervised
learning task, such as predicting knee size" (section 4.2). The newest finished
run of the 3D autoencoder is used, and one is trained if there is none. For
synthetic knees, the labels are their own ground truth: the epicondylar width,
the side, and the thickness of the femoral cartilage. The scores, the
predictions and a figure are written into the folder prediction/ of the run.

kneerepro predict does the same for any network, dataset and label.
"""

from __future__ import annotations

import argparse
from functools import partial

from kneerepro import command_line, engines, runs
from kneerepro.commands import inputs
from kneerepro.commands.predict import Stages, report
from kneerepro.data.dataset import Dataset
from kneerepro.data.reading.identity import add_key_file, load_key
from kneerepro.engines import Engine
from kneerepro.experiment.datasets import truth_of_patients
from kneerepro.experiment.footer import footer_of
from kneerepro.prediction.study import describe_volumes, run_study
from kneerepro.prediction.target import make_target, read_target
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.runs.datasets import find_dataset
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import run_command, typed
from kneerepro.utils.text import printable

#: What is predicted of synthetic knees.
LABELS = 'epicondylar_width_mm', 'side', 'femoral_cartilage_mm'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        '--run',
        metavar='RUN',
        help='a finished run of any network (default: the newest of cae3d)',
    )
    command_line.add_out(parser)
    parser.add_argument(
        '--label',
        metavar='COLUMN',
        action='append',
        help='what to predict; may be given several times (default, for '
        f'synthetic knees: {", ".join(LABELS)})',
    )
    parser.add_argument(
        '--labels',
        metavar='TABLE',
        help='a table of labels (CSV), joined by patient and side',
    )
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        metavar='N',
        help='selects the folds (default: 0)',
    )
    add_key_file(parser)
    engines.add_arguments(parser)


def run(args: argparse.Namespace) -> int | None:
    """Predict each label, print the scores and write the results.

    Returns
    -------
    int or None
        The exit status: that of the training if one was needed and failed.
    """
    chosen = _choose(args)
    if chosen is None:
        print(f'no finished run of cae3d in {printable(args.out)}', flush=True)
        status = run_command('train cae3d', '--out', args.out)
        if status:
            return status
        chosen = _choose(args)
    model = inputs.load_model(chosen.folder, EXPERIMENTS)
    path = find_dataset(chosen, out=args.out)
    if path is None:
        raise UserError(
            f'the dataset of {chosen.folder} is no longer there: name one to '
            f'{typed("predict")} {chosen.folder} DATA'
        )
    engine = Engine(args.engine, args.device, args.precision)
    with Dataset(path) as dataset:
        targets = _targets(args, chosen, dataset)
        with Stages() as stages:
            described = describe_volumes(
                model, dataset, engine.mode, stages.show
            )
    for target in targets:
        with Stages() as stages:
            study = run_study(described, target, args.seed, stages.show)
        print(f'\n{printable(target.name)}:')
        folder = chosen.path('prediction', target.name)
        report(study, folder, footer_of(chosen))
    return None


def _choose(args):
    """The run that is named, or the newest finished one, or None."""
    return Run(args.run) if args.run else runs.find_finished(args.out, 'cae3d')


def _targets(args, chosen, dataset):
    """The labels to predict, all of which are checked first."""
    data = chosen.settings['data']
    if args.labels is None and data['synthetic']:
        truth = truth_of_patients(chosen.parameters, dataset.patient)
        names = args.label or LABELS
        for name in names:
            if name not in truth:
                raise UserError(
                    f'the synthetic knees have no {name}: choose one of '
                    + ', '.join(truth)
                )
        return [make_target(name, truth[name]) for name in names]
    if not args.label:
        raise UserError(
            f'{chosen.folder} has real images, so name what to predict: '
            '--label COLUMN, of the dataset or of the table of --labels'
        )
    return [
        read_target(
            dataset, name, args.labels, partial(load_key, args.key_file)
        )
        for name in args.label
    ]
