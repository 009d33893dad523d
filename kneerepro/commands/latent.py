"""Look into the latent space of trained networks (section 4.2).

Draws two figures of each network. The first shows what lies between two codes:
those of two volumes, or of their middle slices, for an autoencoder, and two
vectors of noise for a GAN. The second shows the features of all volumes on
their first two principal components, coloured by a label. They are written
into the folder latent/ of the run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import cdist

from kneerepro import command_line, engines, runs
from kneerepro.algorithms.common import compile_through
from kneerepro.commands import inputs
from kneerepro.commands.predict import Stages
from kneerepro.data.dataset import Dataset
from kneerepro.engines import Engine
from kneerepro.experiment.datasets import truth_of_patients
from kneerepro.experiment.footer import footer_of
from kneerepro.figures import latent
from kneerepro.figures.planes import PROPORTIONS, middle_planes
from kneerepro.figures.style import save_figure
from kneerepro.measures.codes import principal_plane
from kneerepro.prediction import features
from kneerepro.prediction.target import Target, make_target, read_target
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run
from kneerepro.runs.datasets import find_dataset
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.scripts import typed
from kneerepro.utils.text import printable

_SYNTHETIC_LABEL = 'epicondylar_width_mm'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        '--run',
        metavar='RUN',
        action='append',
        help='a finished run; may be given several times (default: the newest '
        'of each network)',
    )
    command_line.add_out(parser)
    parser.add_argument(
        '--between',
        metavar=('A', 'B'),
        nargs=2,
        type=int,
        help='two volumes, by their numbers in the dataset from 0 (default: '
        'those whose codes differ most)',
    )
    parser.add_argument(
        '--steps',
        type=cli.positive_int,
        default=7,
        metavar='N',
        help='number of images, both ends included (default: 7)',
    )
    parser.add_argument(
        '--label',
        metavar='COLUMN',
        help='colour the codes by a label in the dataset, or by side '
        f'(default: {_SYNTHETIC_LABEL} for synthetic knees, otherwise side)',
    )
    parser.add_argument(
        '--seed',
        type=cli.seed,
        default=0,
        metavar='N',
        help='seed of the noise (default: 0)',
    )
    engines.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Draw the figures of each run."""
    if args.steps < 2:
        raise UserError('--steps must be at least 2, for both ends')
    chosen = (
        [Run(folder) for folder in args.run]
        if args.run
        else [
            found
            for name in EXPERIMENTS
            for found in [runs.find_finished(args.out, name)]
            if found is not None
        ]
    )
    if not chosen:
        raise UserError(
            f'there is no finished run in {args.out}: train one with '
            f'{typed("train cae3d")}'
        )
    engine = Engine(args.engine, args.device, args.precision)
    for one_run in chosen:
        for path in _draw(one_run, args, engine):
            print(printable(f'wrote {path}'))


def _draw(chosen: Run, args: argparse.Namespace, engine: Engine) -> list[str]:
    """Draw both figures of a run; return the paths of the files."""
    model = inputs.load_model(chosen.folder, EXPERIMENTS)
    path = find_dataset(chosen, out=args.out)
    if path is None:
        raise UserError(
            f'the dataset of {chosen.folder} has been moved or deleted: put '
            'it back, or train again'
        )
    footer = footer_of(chosen, beyond=True)
    with Dataset(path) as dataset, Stages() as stages:
        target = _label(args.label, chosen, dataset)
        # Before the volumes are encoded, which takes minutes.
        _check_numbers(args.between or (), len(dataset.volumes))
        found = features.network_features(
            model,
            dataset.volumes,
            engine.mode,
            lambda done, total: stages.show('encoding', done, total),
        )
        way = (
            _between_volumes
            if EXPERIMENTS[model.experiment].autoencoder
            else _between_noise
        )
        rows, headings = way(model, dataset, found, args, engine)
    plane, explained = principal_plane(found)
    return [
        *save_figure(
            latent.interpolation(
                rows, headings, {**PROPORTIONS, 'image': 1.0}, footer
            ),
            chosen.path('latent', 'interpolation'),
        ),
        *save_figure(
            latent.codes_by_label(
                plane,
                explained,
                target.title,
                _numbers(target),
                target.classes,
                f'{features.describe(model)}; {footer}',
            ),
            chosen.path('latent', 'codes'),
        ),
    ]


def _label(name, chosen, dataset) -> Target:
    """The label that colours the codes."""
    if chosen.settings['data']['synthetic']:
        name = name or _SYNTHETIC_LABEL
        truth = truth_of_patients(chosen.parameters, dataset.patient)
        if name in truth:
            return make_target(name, truth[name])
    return read_target(dataset, name or 'side')


def _numbers(target):
    """The values of a label as numbers; NaN where it is unknown."""
    if target.classes is None:
        return target.values
    numbers = np.full(len(target.values), np.nan)
    known = np.flatnonzero(target.known)
    numbers[known] = target.take(known).codes
    return numbers


def _check_numbers(numbers, count):
    """Refuse numbers of volumes that are not there."""
    for number in numbers:
        if not 0 <= number < count:
            raise UserError(
                f'there is no volume {number}: --between takes numbers from 0 '
                f'to {count - 1}'
            )


def _between_volumes(model, dataset, found, args, engine):
    """Decode what lies between the codes of two volumes."""
    first, second = args.between or _farthest(found)
    ends = [dataset.volumes[number] for number in (first, second)]
    if not EXPERIMENTS[model.experiment].on_volumes:
        ends = [volume[:, volume.shape[1] // 2] for volume in ends]
    encode = compile_through(model.networks[:1], engine.mode)
    decode = compile_through(model.networks[1:], engine.mode)
    start, end = np.asarray(encode(np.stack(ends)))
    weights = np.linspace(0, 1, args.steps)[:, None]
    codes = (1 - weights) * start + weights * end
    made = [_decoded(decode, code) for code in codes]
    images = [ends[0][0], *made, ends[1][0]]
    headings = [
        f'volume {first}',
        *(f'{weight:.0%}' for weight in weights[:, 0]),
        f'volume {second}',
    ]
    return _planes(images), headings


def _between_noise(model, dataset, found, args, engine):
    """Generate what lies between two vectors of noise.

    The way is an arc: the length of Gaussian noise of many dimensions hardly
    varies, and vectors on the straight line would be too short.
    """
    start, end = np.random.RandomState(args.seed).normal(
        size=(2, model.options['nz'])
    )
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1, 1))
    weights = np.linspace(0, 1, args.steps)
    generate = compile_through(model.networks[:1], engine.mode)
    made = [
        _decoded(
            generate,
            (np.sin((1 - w) * angle) * start + np.sin(w * angle) * end)
            / np.sin(angle),
        )
        for w in weights
    ]
    return _planes(made), [f'{weight:.0%}' for weight in weights]


def _decoded(decode: Callable, code: np.ndarray) -> np.ndarray:
    """The image or volume of one code, without its channel."""
    return np.asarray(decode(code[None].astype('float32')))[0, 0]


def _farthest(codes: np.ndarray) -> tuple[int, int]:
    """The two volumes whose codes differ most."""
    distances = cdist(codes, codes)
    first, second = np.unravel_index(distances.argmax(), distances.shape)
    return int(first), int(second)


def _planes(images):
    """The middle planes of volumes, by name; images as they are."""
    if images[0].ndim == 2:
        return {'image': images}
    return middle_planes(np.stack(images))
