"""What the experiments' scripts share around their own work."""

import argparse
import hashlib
import os
import sys

import lasagne
import numpy as np
from lasagne.layers import count_params

from kneerepro import config, engines, runs
from kneerepro.data.convert import Options
from kneerepro.data.dataset import Dataset
from kneerepro.data.prepare import prepare_for
from kneerepro.data.progress import PhaseProgress
from kneerepro.data.reading import identity, selection
from kneerepro.data.splits import SPLITS, check_range
from kneerepro.experiment import report
from kneerepro.experiment.figures import (
    CODES,
    FIGURES,
    codes_of_run,
    file_name,
)
from kneerepro.figures.style import save_figure, save_tiles
from kneerepro.networks import output_bias_for
from kneerepro.phantom.default import default_knees
from kneerepro.phantom.truth import epicondylar_widths
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import environment, zoo
from kneerepro.runs.losses import Board
from kneerepro.runs.training import Training
from kneerepro.utils.cli import non_negative_float
from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.signals import signal_of

# A dataset up to this size, in bytes, is kept in memory.
_IN_MEMORY = 2 * 2**30

# Flags that a run remembers by another name.
_STORED_AS = {'series_description': 'series', 'any_series': 'series'}

# Who is who matters to nobody among synthetic knees.
_SYNTHETIC_KEY = b'synthetic knees'


class Experiment:
    """A run of an experiment, new or resumed, as the command line asks.

    Parameters
    ----------
    name : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    description : str
        The script's docstring; its first paragraph is shown.
    script : str
        Its path.
    volumes : bool
        Whether the examples are volumes rather than slices.
    split : bool
        Whether some of them are for testing.

    Attributes
    ----------
    run : kneerepro.runs.Run
    parameters : dict
    engine : kneerepro.engines.Engine
    shape : tuple of 3 ints
        Depth, rows and columns of the volumes.
    train, test : View
        The examples, float32 in [0, 1]; `test` is None without a split.
    sides : array of str, shape (volumes,)
        'LEFT', 'RIGHT' or '', of all volumes.
    widths : array, shape (volumes,)
        Epicondylar width in mm of synthetic knees; NaN where it is unknown.

    Raises
    ------
    UserError
        For what cannot be used.
    """

    def __init__(self, name, description, script, volumes=False, split=False):
        self.name, self._script = name, script
        given, args = parse(name, description)
        if 'resume' in given:
            self.run = self._to_resume(args, given)
            self.parameters = self.run.parameters
            arguments = arguments_of(self.run)
        else:
            self.run, arguments = None, asked_of(args, name)
            self.parameters = dict(arguments['parameters'])
        self.engine = engines.Engine(
            *map(
                arguments.get,
                ['engine', 'device', 'precision', 'cuda_graphs', 'tf32'],
            ),
            deterministic=arguments.get('deterministic', True),
        )
        self._open(arguments, args.out, volumes, split)
        if self.run is None:
            where = {
                'engine': self.engine.name,
                'device': self.engine.device,
                'precision': self.engine.precision,
            }
            self.run = runs.create(
                args.out,
                {
                    'experiment': name,
                    'preset': config.preset_name(args.preset),
                    'parameters': self.parameters,
                    'data': self._data,
                    **where,
                },
                {**arguments, **where},
            )
        elif self.run.settings['data'] != self._data:
            raise UserError(
                f'the data are no longer those that {self.run.folder} was '
                f'started with: {self._data} instead of '
                f'{self.run.settings["data"]}'
            )
        self.run.checkpoint_interval = args.checkpoint_interval
        if args.tensorboard:
            self.run.board = Board(self.run.path('tensorboard'))

    # ------------------------------------------------------------ its course

    def __enter__(self):
        self._lock = self.run.locked()
        self._lock.__enter__()
        return self

    def __exit__(self, kind, error, traceback):
        self.run.board.close()
        self._dataset.close()
        self._lock.__exit__(kind, error, traceback)
        if kind is KeyboardInterrupt:
            # Outside of the steps, after which a training stops by itself.
            raise Stopped(
                f'stopped: {self.run.left_at()}\n' + self.run.how_to_resume(),
                signal_of(error),
            )

    @property
    def finished(self):
        """Whether the run is, so that there is nothing left but to draw."""
        if self.run.finished:
            print(
                f'{self.run.folder} is finished: its figures are drawn again'
            )
        return self.run.finished

    def build(self):
        """The networks, their parameters drawn from the seed."""
        lasagne.random.set_rng(np.random.RandomState(self.parameters['seed']))
        self._options = zoo.options_of(self.name, self.parameters, self.shape)
        if 'output_bias' in self.parameters:
            self._options['output_bias'] = self._output_bias()
        self._networks = zoo.build(self.name, self._options)
        count = count_params(self._networks, trainable=True)
        print(
            f'{count:,} parameters; {self.engine}; compiling ...', flush=True
        )
        return self._networks

    def _output_bias(self):
        """The initial bias of the last layer (E21)."""
        wanted = self.parameters['output_bias']
        if wanted == 'mean':
            return output_bias_for(self.train.mean())
        return 0.0 if wanted == 'zero' else wanted

    def training(self, functions, losses, measures):
        """The :class:`~kneerepro.runs.training.Training` of the networks.

        Parameters
        ----------
        functions : namedtuple of theano functions
        losses, measures : list of str
            What will be logged.
        """
        self.run.add_environment(environment.describe(self.engine))
        training = Training(
            self.run,
            self._networks,
            functions,
            self.engine.place(self.train),
            losses,
            measures,
            self.engine.feed,
        )
        print(f'run: {self.run.folder}', flush=True)
        return training

    def sample(self, training, images):
        """Save images made during the training, one above the other in rows.

        Parameters
        ----------
        training : Training
        images : array, shape (rows, columns of images, rows, columns)
        """
        save_tiles(
            images,
            self.run.path('samples', f'iteration-{training.iteration:06}.png'),
        )

    def some(self, count):
        """Training examples, drawn from the seed.

        Parameters
        ----------
        count : int

        Returns
        -------
        array, shape (count, 1, ...), float32
            All, in another order, if they are fewer.
        """
        rng = np.random.RandomState(self.parameters['seed'])
        return self.train[rng.permutation(len(self.train))[:count]]

    def finish(self, training, **results):
        """Save the networks, and all that the figures show.

        Parameters
        ----------
        training : Training
        results : array
            Beside those of the training.
        """
        zoo.save(
            self.run.path('model.npz'),
            self.name,
            self._options,
            self._networks,
            {
                'run': os.path.basename(self.run.folder),
                **self.run.settings,
                'measures': training.last_measures(),
            },
        )
        self.run.save_results(
            {
                **training.results(),
                **{name: np.asarray(value) for name, value in results.items()},
            }
        )

    def draw(self):
        """Draw the figures of the finished run, and write its report."""
        results = self.run.results()
        for number in FIGURES[self.name]:
            for path in draw_figure(self.run, results, number):
                print(f'wrote {path}')
        codes = codes_of_run(self.run, results)
        if codes is not None:
            for path in save_figure(codes, self.run.path('figures', CODES)):
                print(f'wrote {path}')
        print(f'wrote {report.write(self.run, results)}')

    # ------------------------------------------------------ its preparations

    def _to_resume(self, args, given):
        if args.resume is None:
            unfinished = [
                run
                for run in runs.find(args.out, self.name)
                if not run.finished
            ]
            if not unfinished:
                raise UserError(
                    f'no run of {self.name} in {args.out} is left '
                    'unfinished: start one without --resume'
                )
            run = unfinished[0]
        else:
            run = runs.Run(args.resume)
            if run.experiment != self.name:
                raise UserError(f'{args.resume} is a run of {run.experiment}')
        asked = {**vars(args), **asked_of(args, self.name)}
        stored = arguments_of(run)
        stored.update(stored['parameters'])
        for name in given:
            key = _STORED_AS.get(name, name)
            if key in stored and asked[key] not in (stored[key], 'auto'):
                flag = '--' + name.replace('_', '-')
                raise UserError(
                    f'{run.folder} was started with another {flag} '
                    f'({config.as_text(stored[key])}), and goes on with it: '
                    f'leave {flag} out, or start another run without '
                    '--resume'
                )
        return run

    def _open(self, arguments, out, volumes, split):
        parameters = self.parameters
        if not os.path.isfile(arguments['data'] or ''):
            # It complains now, not when all is prepared.
            self._check_shape(
                (parameters['depth'],) + (parameters['size'],) * 2
            )
        source = arguments['data'] or default_knees(
            self._script,
            parameters['patients'],
            parameters['matrix'],
            parameters['slices'],
            parameters['seed'],
        )
        path = dataset_file(
            source,
            not arguments['data'],
            os.path.join(out, 'datasets'),
            options_of(parameters),
            selection.Selection(arguments['series']),
            at_least=2 if split else 1,
        )
        self._dataset = dataset = Dataset(path)
        self.shape = tuple(map(int, dataset.shape))
        self._check_shape(self.shape)
        self.sides = dataset.side
        self.widths = _widths(source, not arguments['data'], dataset.patient)
        examples = dataset.examples(volumes)
        self.train, self.test = examples, None
        if split:
            divided = SPLITS[parameters['split']](examples, parameters['test'])
            if divided.warning():
                print(f'warning: {divided.warning()}', file=sys.stderr)
            self.train = examples.take(divided.train)
            self.test = examples.take(divided.test)
        if parameters['batch_size'] > len(self.train):
            print(
                f'warning: {len(self.train)} training examples: minibatches '
                f'of as many instead of {parameters["batch_size"]}',
                file=sys.stderr,
            )
            parameters['batch_size'] = len(self.train)
        # The test set is read again and again as well.
        if 4 * examples[0].size * len(examples) <= _IN_MEMORY:
            self.train = self.train.load()
            self.test = self.test and self.test.load()
        for part in filter(None, (self.train, self.test)):
            check_range(part)
        kind = 'volumes' if volumes else 'images'
        size = ' x '.join(map(str, self.train.shape[2:]))
        print(
            f'{len(self.train):,} training '
            + (f'and {len(self.test):,} test ' if split else '')
            + f'{kind} of {size}, batch size {parameters["batch_size"]}'
        )
        self._data = {
            'synthetic': not arguments['data'],
            'hash': dataset.hash,
            'options': dataset.provenance.get('options'),
            'volumes': len(dataset.volumes),
            'shape': list(self.shape),
            'train': len(self.train),
            'test': len(self.test) if split else 0,
        }

    def _check_shape(self, shape):
        """Whether there are networks for volumes of a shape."""
        if EXPERIMENTS[self.name].autoencoder:
            # Of the smallest: the number of filters changes no size.
            zoo.build(
                self.name,
                zoo.options_of(
                    self.name, dict(self.parameters, width=1e-3, nz=1), shape
                ),
            )
        elif shape[1:] != (64, 64):
            raise UserError(
                f'the networks of {self.name} are for images of '
                f'64 x 64, not {shape[1]} x {shape[2]}: leave '
                '--size out, or prepare a dataset of that size'
            )


def _widths(source, synthetic, patients):
    """Epicondylar widths of those patients of a dataset that are synthetic
    knees, NaN for others.
    """
    known = epicondylar_widths(source)
    if not known:
        return np.full(len(patients), np.nan)
    key = _SYNTHETIC_KEY if synthetic else identity.load_key()
    by_hash = {
        identity.keyed_hash(key, name): width for name, width in known.items()
    }
    return np.array([by_hash.get(name, np.nan) for name in patients])


def draw_figure(run, results, number):
    """Draw a figure of a finished run.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array
    number : str
        Of the figure in the thesis, such as '3.4'.

    Returns
    -------
    list of str
        The files written.
    """
    draw = FIGURES[run.experiment][number]
    return save_figure(
        draw(run, results), run.path('figures', file_name(number))
    )


def options_of(parameters):
    """How parameters have a dataset made."""
    return Options(
        *(
            parameters[name]
            for name in ('depth', 'size', 'normalise', 'flip_left')
        )
    )


def dataset_file(source, synthetic, folder, options, selected, at_least=1):
    """The dataset to work on, made where `source` is not one already.

    Parameters
    ----------
    source : str
        A folder of series or a dataset file.
    synthetic : bool
    folder : str
        Where to make it. Its name tells what it was made of, so that
        experiments share it.
    options : kneerepro.data.convert.Options
    selected : kneerepro.data.reading.selection.Selection
    at_least : int
        Volumes that are needed.

    Returns
    -------
    str
        Path of the dataset file.

    Raises
    ------
    UserError
        As :func:`kneerepro.data.prepare.prepare_for`.
    """
    of = repr((os.path.abspath(source), tuple(options), selected.pattern))
    name = f'{options.depth}x{options.size}x{options.size}-{hashlib.sha256(of.encode()).hexdigest()[:8]}.h5'
    key = (lambda: _SYNTHETIC_KEY) if synthetic else identity.load_key
    with PhaseProgress() as progress:
        return prepare_for(
            source,
            os.path.join(folder, name),
            options,
            selected,
            key=key,
            at_least=at_least,
            progress=progress,
        )


def add_data_arguments(parser, datasets=True):
    """Add ``--data`` and the selection of series."""
    parser.add_argument(
        '--data',
        metavar='PATH',
        help='folder of DICOM series'
        + ', or an HDF5 dataset' * datasets
        + ' (default: synthetic knees)',
    )
    selection.add_arguments(parser)


def add_run_arguments(parser):
    """Add what all trainings take beside their parameters."""
    add_data_arguments(parser)
    config.add_out(parser)
    parser.add_argument(
        '--checkpoint-interval',
        type=non_negative_float,
        default=120.0,
        metavar='S',
        help='seconds from one checkpoint to the next (default: 120)',
    )
    parser.add_argument(
        '--tensorboard',
        action='store_true',
        help='write losses for TensorBoard as well',
    )
    engines.add_arguments(parser)
    engines.add_cuda_arguments(parser)


def parse(name, description, argv=None):
    """The command line of an experiment.

    Returns
    -------
    given : dict
        What is on it.
    args : argparse.Namespace
        That, and the defaults of all else but the parameters.
    """
    parser = config.Parser(description)
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        metavar='RUN',
        const=None,
        help='go on with a run that was stopped (default: the newest)',
    )
    config.add_parameters(parser, name)
    defaults = {
        action.dest: action.default
        for action in parser._actions
        if action.default is not argparse.SUPPRESS
    }
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    given = vars(parser.parse_args(argv))
    return given, argparse.Namespace(**{**defaults, **given})


def asked_of(args, name):
    """Of the arguments, those that a run is started again with."""
    return {
        'data': args.data and os.path.abspath(args.data),
        'series': selection.selection_of(args).pattern,
        'preset': args.preset,
        'engine': args.engine,
        'device': args.device,
        'precision': args.precision,
        'cuda_graphs': args.cuda_graphs,
        'tf32': args.tf32,
        'deterministic': args.deterministic,
        'parameters': config.parameters_of(args, name),
    }


def arguments_of(run):
    """What a run was started with."""
    return {
        **run.arguments,
        'parameters': config.complete(
            run.arguments['parameters'], run.experiment
        ),
        'precision': engines.precision_of(run.arguments),
    }


def find_runs(args, name):
    """Runs that were started as the arguments ask, the newest first.

    Parameters
    ----------
    args : argparse.Namespace
        Of :func:`parse`.
    name : str

    Returns
    -------
    list of kneerepro.runs.Run
    """
    asked = asked_of(args, name)
    return [
        run
        for run in runs.find(args.out, name)
        if all(
            value in (arguments_of(run).get(key, value), 'auto')
            for key, value in asked.items()
        )
    ]
