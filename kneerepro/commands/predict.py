"""Predict a label from what a network has learned without labels.

The features of a trained network describe each volume: the codes of an
autoencoder, or the last convolution of a GAN's discriminator or critic. A
ridge regression, or a logistic regression for classes, predicts the label from
them, in a nested cross-validation grouped by patient. Three baselines are
judged on the same folds: the mean, as many principal components as there are
features, and plain measures of the images. This goes beyond the thesis, which
names it as future work (section 4.2).

The output is the scores, the predictions, the learning curve over the number
of labelled patients, and a figure of all of these.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from functools import partial

from kneerepro.commands import inputs
from kneerepro.data.reading.identity import load_key
from kneerepro.engines import Engine
from kneerepro.prediction import results
from kneerepro.prediction.study import Study, describe_volumes, run_study
from kneerepro.prediction.target import read_target
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import cli
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--label',
        metavar='COLUMN',
        required=True,
        help='what to predict: a label in the dataset, side, or a column of '
        'the table that --labels names',
    )
    parser.add_argument(
        '--labels',
        metavar='TABLE',
        help='a table of labels (CSV), joined by patient and side',
    )
    parser.add_argument(
        '--as',
        dest='kind',
        choices=('auto', 'number', 'class'),
        default='auto',
        help='predict a quantity or classes (default: classes if the label '
        'is text or has only two values)',
    )
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        metavar='N',
        help='selects the folds (default: 0)',
    )
    parser.add_argument(
        '--out',
        metavar='FOLDER',
        default='prediction',
        help='where to write the results (default: prediction)',
    )
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Predict the label, print the scores and write the results."""
    paths = [os.path.join(args.out, name) for name in results.FILES]
    inputs.refuse_existing(paths, args.overwrite)
    model = inputs.load_model(args.model, EXPERIMENTS)
    engine = Engine(args.engine, args.device, args.precision)
    with (
        inputs.open_data(
            args, model, os.path.join(args.out, 'volumes')
        ) as dataset,
        Stages() as stages,
    ):
        target = read_target(
            dataset,
            args.label,
            args.labels,
            partial(load_key, args.key_file),
            args.kind,
        )
        described = describe_volumes(model, dataset, engine.mode, stages.show)
        study = run_study(described, target, args.seed, stages.show)
    report(study, args.out, f'network: {printable(args.model)}')


def report(study: Study, folder: str, source: str) -> None:
    """Print the scores of a study and write its results.

    Parameters
    ----------
    study : kneerepro.prediction.study.Study
    folder : str
    source : str
        What the figure's footer says of the network.
    """
    for line in (*results.table(study), results.conclusion(study)):
        print(printable(line))
    footer = f'{results.footer(study)}; {source}'
    for path in results.write(study, folder, footer):
        print(printable(f'wrote {path}'))


class Stages(contextlib.ExitStack):
    """Shows the progress of one stage after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._stage = ''

    def show(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps of a stage are done."""
        if stage != self._stage:
            self.close()
            self._stage = stage
            self._progress = self.enter_context(Progress(stage, 'steps'))
        self._progress(done, total)
