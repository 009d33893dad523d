"""Train a network of the thesis, or one beyond it, and draw its figures."""

from __future__ import annotations

import argparse
import importlib
import sys

from kneerepro.experiment.arguments import parse, parser_of
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import ranks

METAVAR = 'NETWORK'

#: What can be trained.
CHOICES = {
    name: f'the {spec.title} (section {spec.section})'
    for name, spec in EXPERIMENTS.items()
}


def parser(choice: str) -> argparse.ArgumentParser:
    """Make the parser of a training."""
    return parser_of(choice)


def main(choice: str, argv: list[str]) -> None:
    """Train or resume a run, and draw its figures.

    Parameters
    ----------
    choice : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    argv : list of str
        Its arguments.
    """
    with ranks.one_voice():
        arguments = parse(choice, argv)
    # What follows needs Theano, whose import takes a second. A wrong flag is
    # refused before.
    from kneerepro.experiment.session import Experiment

    module = importlib.import_module(f'kneerepro.trainings.{choice}')
    with Experiment(choice, arguments, sys.argv) as experiment:
        if not experiment.run.finished:
            module.train(experiment)
        experiment.draw()
