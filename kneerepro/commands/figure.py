"""Draw one figure of the thesis, or one that goes beyond it."""

from __future__ import annotations

import argparse

from kneerepro import command_line
from kneerepro.experiment import dataset_figures, redraw
from kneerepro.experiment.captions import BEYOND
from kneerepro.experiment.figures import FIGURES
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils.scripts import usage

METAVAR = 'FIGURE'

#: What the figures show, by their number in the thesis or, beyond it, their
#: name.
CHOICES = {
    '2.1': 'one patient in the sagittal, axial and coronal plane (section '
    '2.1)',
    '2.2': 'depth view of the resized slides (section 2.2)',
    '2.3': 'architecture of the 2D autoencoder (section 2.4.1)',
    '2.4': 'architecture of the 3D autoencoder (section 2.4.1)',
    '2.5': 'architecture of the GANs (section 2.4.2)',
    '3.1': '25 randomly selected examples of the 2D dataset (section 3)',
    '3.2': 'six reconstructions of the 2D autoencoder (section 3.1)',
    '3.3': 'losses of the 2D autoencoder (section 3.1)',
    '3.4': 'reconstructions of the 3D autoencoder (section 3.2)',
    '3.5': 'losses of the 3D autoencoder (section 3.2)',
    '3.6': 'images that the DCGAN generates (section 3.3)',
    '3.7': 'losses of the DCGAN (section 3.3)',
    '3.8': 'images that the WGAN-GP generates (section 3.4)',
    '3.9': 'real and generated images (section 3.4)',
    '3.10': 'losses of the WGAN-GP (section 3.4)',
    **{name: f'{title} (section 4.2)' for name, title in BEYOND.items()},
}

# The figures of the data, and the functions that add their arguments and draw
# them.
_OF_DATA = {
    '2.1': (dataset_figures.add_planes_arguments, dataset_figures.draw_planes),
    '2.2': (dataset_figures.add_slides_arguments, dataset_figures.draw_slides),
    '3.1': (
        dataset_figures.add_examples_arguments,
        dataset_figures.draw_examples,
    ),
}

# The experiments whose networks or runs the other figures show.
_OF_NETWORKS = {'2.3': 'cae2d', '2.4': 'cae3d', '2.5': 'dcgan'}
_OF_RUNS = {
    number: experiment
    for experiment in EXPERIMENTS
    for number in FIGURES[experiment]
    if number not in _OF_NETWORKS
}


def parser(choice: str) -> argparse.ArgumentParser:
    """Make the parser of a figure's command line."""
    heading = 'Beyond the thesis' if choice in BEYOND else f'Figure {choice}'
    description = f'{heading}: {CHOICES[choice]}.'
    if choice in _OF_RUNS:
        return redraw.run_parser(choice, _OF_RUNS[choice], description)
    result = command_line.Parser(description, usage(f'figure {choice}'))
    if choice in _OF_NETWORKS:
        redraw.add_network_arguments(result, _OF_NETWORKS[choice])
    else:
        _OF_DATA[choice][0](result)
    return result


def main(choice: str, argv: list[str]) -> int | None:
    """Draw a figure; for one of a run, train a run first if there is none.

    Parameters
    ----------
    choice : str
        One of :data:`CHOICES`.
    argv : list of str
        Its arguments.

    Returns
    -------
    int or None
        The exit status.
    """
    known = parser(choice)
    if choice in _OF_RUNS:
        own, flags = known.parse_known_args(argv)
        return redraw.figure_of_run(choice, _OF_RUNS[choice], own, flags)
    args = known.parse_args(argv)
    if choice in _OF_NETWORKS:
        redraw.figure_of_networks(choice, _OF_NETWORKS[choice], args)
    else:
        _OF_DATA[choice][1](args)
    return None
