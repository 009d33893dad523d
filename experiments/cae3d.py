"""The 3D convolutional autoencoder (sections 2.4.1 and 3.2).

Trains it with Algorithm 1 and draws Figures 3.4 and 3.5, on synthetic knees
or, with --data, on a folder of DICOM series or a dataset file.
"""

import argparse
import os
import sys
import time

import kneerepro    # first, as it readies Python for Theano and Lasagne
import lasagne
import numpy as np
from lasagne.layers import count_params

from kneerepro import cli, runs
from kneerepro.algorithms import compile_cae
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.splits import check_range, last_split
from kneerepro.engines import Engine
from kneerepro.errors import UserError
from kneerepro.experiment import dataset_file, new_parser
from kneerepro.figures.cae3d import figure_3_4, figure_3_5
from kneerepro.figures.style import save_png
from kneerepro.networks import build_cae3d
from kneerepro.phantom.default import default_knees
from kneerepro.training import train_cae

PRESETS = {
    'thesis': dict(
        nz=200, batch_size=4, learning_rate=5e-5, beta1=0.5,  # Table 2.5
        epochs=500,                 # section 3.2, Figure 3.5
        depth=160, size=64,         # section 2.2
        width=1,                    # Figure 2.4
        patients=180, matrix=384, slices=160),  # section 2.1
    # What shows the same within minutes on two cores without a GPU.
    'quick': dict(
        nz=200, batch_size=4, learning_rate=1e-3, beta1=0.5, epochs=40,
        depth=32, size=64, width=1 / 8, patients=27, matrix=128, slices=32)}

SLIDES = 20, 80, 160                        # Figure 3.4, of 160
EPOCHS = 1, 100, 200, 300, 400, 500         # Figure 3.4, of 500
INSETS = 1, 200, 400                        # Figure 3.5, of 500


def main():
    args = parse_arguments()
    settings = {name: getattr(args, name) for name in PRESETS['thesis']}
    engine = Engine(args.engine, args.device)
    settings.update(seed=args.seed, shuffle=args.shuffle,
                    engine=engine.name, device=engine.device)

    # --------------------------------------------------------------- the data
    path = args.data or default_knees(__file__, args.patients, args.matrix,
                                      args.slices, args.seed)
    if os.path.isdir(path):
        shape = args.depth, args.size, args.size
        build_network(settings, shape)  # it complains now, not minutes later
    path = dataset_file(args, path, 'volumes.h5',
                        Options(args.depth, args.size), at_least=2)
    with Dataset(path) as dataset:
        # "A training set of 160 3D images was used, alongside a test set of
        # the remaining 20 images" (section 2.4.1).
        split = last_split(dataset.volumes, args.test)
        train = dataset.volumes[split.train]
        test = dataset.volumes[split.test]
        check_range(dataset.volumes)
        data = dataset.hash
    if split.warning():
        print(f'warning: {split.warning()}', file=sys.stderr)
    settings.update(
        shape=list(train.shape[2:]), train=len(train), test=len(test),
        batch_size=min(args.batch_size, len(train)), synthetic=not args.data,
        data=data, version=kneerepro.__version__)
    print('{train} training and {test} test volumes of {shape[0]} x '
          '{shape[1]} x {shape[2]}, '
          'batch size {batch_size}'.format(**settings))

    # ---------------------------------------------------------------- the run
    results = None if args.fresh else runs.load(args.out, settings)
    if results is None or results['interrupted']:
        results = train_network(settings, train, test, args.out, engine)
    else:
        print(f'{args.out} holds the finished run with these settings: '
              'drawing its figures again (--fresh trains anew)')

    # ------------------------------------------------------------ the figures
    for path in draw(settings, results, args.out):
        print(f'wrote {path}')
    return cli.INTERRUPTED if results['interrupted'] else 0


def build_network(settings, shape):
    """Section 2.4.1: "the same layout was preserved as in the 2D case"."""
    lasagne.random.set_rng(np.random.RandomState(settings['seed']))
    try:
        return build_cae3d(settings['nz'], *shape, width=settings['width'])
    except ValueError as error:
        raise UserError(f'no network for these volumes: {error}') from None


def train_network(settings, train, test, out, engine):
    """Section 3.2; returns what the figures show."""
    encoder, decoder = build_network(settings, settings['shape'])
    print(f'{count_params([encoder, decoder], trainable=True):,} parameters; '
          f'{engine}; compiling ...', flush=True)
    start = time.monotonic()
    functions = compile_cae(encoder, decoder, settings['learning_rate'],
                            settings['beta1'], mode=engine.mode)
    print(f'compiled in {time.monotonic() - start:.0f} s')

    # "3 random patients at 3 different slide depths", from the test set where
    # it has three.
    rng = np.random.RandomState(settings['seed'])
    patients = [('test', i) for i in rng.permutation(len(test))]
    patients += [('training', i) for i in rng.permutation(len(train))]
    patients = patients[:3]
    shown = np.stack([{'test': test, 'training': train}[name][i]
                      for name, i in patients])
    slides = [max(1, round(slide * settings['shape'][0] / SLIDES[-1]))
              for slide in SLIDES]
    planes = np.array(slides) - 1
    middle = planes[1]
    epochs, over_time = [], [shown[0, 0, middle]]

    def after_epoch(epoch):
        if epoch in scaled(EPOCHS, settings['epochs']):
            epochs.append(epoch)
            over_time.append(functions.reconstruct(shown[:1])[0, 0, middle])

    history = train_cae(functions, engine.place(train), test,
                        settings['batch_size'], settings['epochs'],
                        settings['seed'], settings['shuffle'], after_epoch,
                        engine.feed)
    if not history.epochs:
        raise KeyboardInterrupt
    results = dict(
        history._asdict(), shown_epochs=epochs, over_time=over_time,
        slides=slides, truth=shown[:, 0, planes],
        patients=[f'{name} volume {i + 1}' for name, i in patients],
        reconstruction=np.stack([functions.reconstruct(volume[None])[0, 0]
                                 for volume in shown])[:, planes])
    results = {name: np.array(value) for name, value in results.items()}
    runs.save(out, settings, results, [encoder, decoder])
    return results


def draw(settings, results, out):
    """Figures 3.4 and 3.5; returns their paths."""
    footer = footer_of(settings, results)
    epochs = list(results['shown_epochs'])
    insets = [i for i, epoch in enumerate(epochs)
              if epoch in scaled(INSETS, settings['epochs'])]
    figures = {
        'figure3_4.png': figure_3_4(
            results['truth'], results['reconstruction'],
            list(results['patients']), list(results['slides']),
            results['over_time'], epochs, footer),
        'figure3_5.png': figure_3_5(
            results['train_mse'], results['test_mse'],
            int(results['iterations_per_epoch']),
            results['over_time'][1:][insets], np.array(epochs)[insets],
            footer)}
    for name, figure in figures.items():
        save_png(figure, os.path.join(out, name))
        yield os.path.join(out, name)


def scaled(epochs, last):
    """Epochs of the thesis's 500 as epochs of a training of `last`."""
    return {max(1, round(epoch * last / EPOCHS[-1])) for epoch in epochs}


def footer_of(settings, results):
    """What sets the run apart from the thesis's, so that its figures cannot
    be mistaken for it."""
    shape = ' x '.join(map(str, settings['shape']))
    parts = ['synthetic knees' if settings['synthetic'] else 'own data',
             f'{settings["train"]} training and {settings["test"]} test '
             f'volumes of {shape}',
             'batch={batch_size}, α={learning_rate:g}, β₁={beta1:g}, nz={nz}'
             .format(**settings)]
    if settings['width'] != 1:
        parts.append(f'{settings["width"]:g} of the filters')
    parts.append(f'{results["epochs"]} epochs')
    if results['interrupted']:
        parts.append('interrupted')
    return f'kneerepro {kneerepro.__version__}: ' + '; '.join(parts)


def parse_arguments():
    parser = new_parser(__doc__, os.path.join('runs', 'cae3d'), trains=True)
    parser.add_argument('--preset', choices=PRESETS, default='quick',
                        help='defaults of all that follows')
    number = {int: cli.positive_int, float: cli.positive_float}
    for name, value in PRESETS['thesis'].items():
        kind = float if name == 'width' else type(value)
        parser.add_argument(
            '--' + name.replace('_', '-'), type=number[kind],
            default=argparse.SUPPRESS, metavar='N',
            help=f'thesis: {value:g}, quick: {PRESETS["quick"][name]:g}')
    parser.add_argument('--test', type=cli.positive_int, metavar='N',
                        help='test volumes (default: one in nine)')
    parser.add_argument('--seed', type=cli.seed, default=0, metavar='N')
    parser.add_argument('--no-shuffle', dest='shuffle', action='store_false',
                        help='the same minibatches each epoch (E20)')
    parser.add_argument('--fresh', action='store_true',
                        help='train even if a finished run is there')
    args = parser.parse_args()
    return argparse.Namespace(**{**PRESETS[args.preset], **vars(args)})


if __name__ == '__main__':
    cli.run(main)
