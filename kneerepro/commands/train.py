"""Train a network of the thesis, or one beyond it, and draw its figures."""

from __future__ import annotations

import argparse
import importlib
import sys

from kneerepro.experiment.arguments import parser_of
from kneerepro.experiment.session import Experiment
from kneerepro.registry import EXPERIMENTS

METAVAR = 'NETWORK'

#: What can be trained.
CHOICES = {
    name: f'the {spec.title} (section {spec.section})'
    for name, spec in EXPERIMENTS.items()
}


def parser(choice: str) -> argparse.ArgumentParser:
    """Make the parser of a training."""
    return parser_of(choice, _module_of(choice).__doc__ or '')


def main(choice: str, argv: list[str]) -> None:
    """Train or resume a run, and draw its figures.

    Parameters
    ----------
    choice : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    argv : list of str
        Its arguments.
    """
    module = _module_of(choice)
    with Experiment(
        choice, module.__doc__ or '', argv, command=sys.argv
    ) as experiment:
        if not experiment.run.finished:
            module.train(experiment)
        experiment.draw()


def _module_of(name):
    return importlib.import_module(f'kneerepro.trainings.{name}')
