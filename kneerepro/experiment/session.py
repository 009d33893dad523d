"""A run of an experiment, from the command line to the report.

The modules of :mod:`kneerepro.trainings` tell the thesis's story; everything
around it is here: which run, which data, the networks' initialisation, and
what is saved and drawn in the end. Several processes tell it together, if
torchrun has started them (:mod:`kneerepro.runs.ranks`): each calls the same
methods, and only the first one writes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from typing import Any

import lasagne
import numpy as np
from lasagne.layers import count_params

from kneerepro import config, engines, runs
from kneerepro.data.contents import is_dataset
from kneerepro.data.reading.selection import Selection
from kneerepro.experiment import report, summary
from kneerepro.experiment.arguments import (
    arguments_to_store,
    stored_arguments,
)
from kneerepro.experiment.choose import is_drawn, run_to_resume
from kneerepro.experiment.datasets import (
    dataset_file,
    options_from,
    synthetic_knees,
    widths_of_patients,
)
from kneerepro.experiment.examples import (
    check_hash,
    check_shape,
    open_dataset,
    own_share,
    take_examples,
)
from kneerepro.experiment.figures import FIGURES, draw_codes, draw_figure
from kneerepro.figures.style import save_tiles
from kneerepro.networks import output_bias_for
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import environment, ranks, zoo
from kneerepro.runs.datasets import find_dataset
from kneerepro.runs.losses import Board
from kneerepro.runs.training import Training
from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.signals import signal_of
from kneerepro.utils.stopwatch import Stopwatch
from kneerepro.utils.text import printable


class Experiment:
    """A run of an experiment, new or resumed, as the command line asks.

    A context manager: it opens the data and locks the run on entry, and
    closes both on exit. It also finds the other processes of a launch.

    Parameters
    ----------
    name : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    arguments : tuple of dict and argparse.Namespace
        From :func:`~kneerepro.experiment.arguments.parse`.
    command : list of str
        What the run records as the command that started it.

    Attributes
    ----------
    run : kneerepro.runs.Run
    parameters : dict
        See :mod:`kneerepro.config`.
    engine : kneerepro.engines.Engine
    shape : tuple of 3 ints
        Depth, rows and columns of the volumes.
    train, test : View
        The examples, float32 in [0, 1]. GANs have no test set: theirs is
        None.
    sides : array of str, shape (volumes,)
        'LEFT', 'RIGHT' or '', for every volume of the dataset.
    widths : array, shape (volumes,)
        Epicondylar width of each synthetic knee, in mm; NaN if unknown. Only
        in the first of several processes.

    Raises
    ------
    UserError
        On entry, if data or run cannot be used.
    Stopped
        On exit, after Ctrl-C outside of the training's steps.
    """

    def __init__(
        self,
        name: str,
        arguments: tuple[dict[str, Any], argparse.Namespace],
        command: list[str],
    ):
        self.name = name
        self._spec = EXPERIMENTS[name]
        self._stopwatch = Stopwatch()
        self._given, self._args = arguments
        self._command = command

    def __enter__(self) -> Experiment:
        with contextlib.ExitStack() as stack:
            stack.enter_context(ranks.one_voice())
            ranks.join()
            self._open(stack)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self._resources.__exit__(kind, error, traceback)

    @contextlib.contextmanager
    def _resumable(self):
        """A block that can be interrupted and says how to go on."""
        try:
            yield
        except KeyboardInterrupt as error:
            # A training stops by itself after its step.
            raise Stopped(
                f'stopped: {self.run.describe_progress()}\n'
                + self.run.how_to_resume(),
                signal_of(error),
            ) from None

    def _describe_progress(self):
        return f'{self.run.describe_progress()}; {self.run.how_to_resume()}'

    # ---------------------------------------------------- in the trainings

    def build(self) -> tuple[lasagne.layers.Layer, lasagne.layers.Layer]:
        """Build the networks, with initial parameters drawn from the seed."""
        lasagne.random.set_rng(np.random.RandomState(self.parameters['seed']))
        self._options = zoo.builder_options(
            self.name, self.parameters, self.shape
        )
        if 'output_bias' in self.parameters:
            self._options['output_bias'] = self._output_bias()
        self._networks = zoo.build(self.name, self._options)
        count = count_params(self._networks, trainable=True)
        print(
            f'{count:,} parameters; {self.engine}; compiling ...', flush=True
        )
        return self._networks

    def training(
        self, functions: Any, losses: list[str], measures: list[str]
    ) -> Training:
        """Start or resume the training of the networks.

        Parameters
        ----------
        functions
            The compiled functions, from :mod:`kneerepro.algorithms`.
        losses, measures : list of str
            Names of what the training logs.
        """
        if ranks.is_first():
            self.run.add_environment(
                environment.describe(self.engine, self._command)
            )
        training = Training(
            self.run,
            self._networks,
            functions,
            self.engine.place(self.train),
            losses,
            measures,
            self.engine.feed,
            self._args.checkpoint_interval,
            self._board,
        )
        self._stopwatch.lap('compiling')
        print(printable(f'run: {self.run.folder}'), flush=True)
        return training

    def save_sample(self, training: Training, images: Any) -> None:
        """Save images made during the training as a picture.

        Parameters
        ----------
        training : Training
        images : array-like, shape (rows, columns, height, width)
            Tiles of the picture.
        """
        name = f'iteration-{training.iteration:06}.png'
        if ranks.is_first():
            save_tiles(images, self.run.path('samples', name))

    def sample_training(self, count: int) -> np.ndarray:
        """Draw training examples at random, reproducibly by the seed.

        Parameters
        ----------
        count : int

        Returns
        -------
        array, shape (min(count, n), 1, ...), float32
            Without repetition.
        """
        rng = np.random.RandomState(self.parameters['seed'])
        return self.train[rng.permutation(len(self.train))[:count]]

    def finish(self, training: Training, **results: Any) -> None:
        """Save the networks, and what the figures and the report show.

        From here on, the first process works alone.

        Parameters
        ----------
        training : Training
        **results : array-like
            Results besides the training's own losses, measures and records.
        """
        ranks.leave()
        if not ranks.is_first():
            return
        about = {
            'run': os.path.basename(self.run.folder),
            **self.run.settings,
            'measures': training.last_measures(),
        }
        zoo.save(
            self.run.path('model.npz'),
            self.name,
            self._options,
            self._networks,
            about,
        )
        arrays = {name: np.asarray(value) for name, value in results.items()}
        self.run.save_results({**training.results(), **arrays})
        self._stopwatch.lap('training and measuring')

    def draw(self) -> None:
        """Draw the figures of the finished run and write its report.

        The last lines that are printed tell where the time went, where the
        report is, and how well the network has learned.
        """
        ranks.leave()
        if not ranks.is_first():
            return
        results = self.run.results()
        written = [
            path
            for number in FIGURES[self.name]
            for path in draw_figure(self.run, results, number)
        ]
        written += draw_codes(self.run, results)
        for path in written:
            print(printable(f'wrote {path}'))
        page = report.write(self.run, results, [self._dataset_path])
        self._stopwatch.lap('figures and report')
        print(f'time: {self._stopwatch}')
        print(printable(f'wrote {page}'))
        for line in summary.lines_of(self.run, results):
            print(line)

    # ------------------------------------------------------------- on entry

    def _open(self, stack):
        """Choose the run, and open all that it needs on a stack."""
        args = self._args
        folder = ranks.from_first(self._folder_to_resume)
        run = folder and runs.Run(folder)
        if run:
            arguments, self.parameters = stored_arguments(run), run.parameters
        else:
            arguments = arguments_to_store(args, self.name)
            self.parameters = dict(arguments['parameters'])
        self.engine = engines.Engine(
            arguments.get('engine'),
            arguments.get('device'),
            arguments.get('precision'),
            arguments.get('cuda_graphs'),
            arguments.get('tf32'),
            deterministic=arguments.get('deterministic', True),
        )
        ranks.check(self.engine.name, self.parameters['batch_size'])
        given = source = arguments['data']
        if run and 'data' in self._given:
            source = args.data
        self._key_file = args.key_file if given else None
        self._dataset_path = ranks.from_first(
            lambda: self._find_dataset(run, source, arguments)
        )
        dataset = stack.enter_context(open_dataset(self._dataset_path))
        if run:
            check_hash(dataset, self._dataset_path, run)
        self.shape = tuple(map(int, dataset.shape))
        check_shape(self.name, self.parameters, self.shape)
        self.sides = dataset.side
        if ranks.is_first():
            self.widths = widths_of_patients(
                given and source,
                self._key_file,
                self.parameters,
                dataset.patient,
            )
        self.train, self.test = take_examples(
            dataset, self._spec, self.parameters
        )
        ranks.check(self.engine.name, self.parameters['batch_size'])
        data = self._describe_data(dataset, synthetic=not given)
        self.run = run or self._create_run(arguments, data)
        if self.run.settings['data'] != data:
            raise UserError(
                f'the data are no longer those that {self.run.folder} was '
                f'started with: {data} instead of {self.run.settings["data"]}'
            )
        self._begin(stack)

    def _begin(self, stack):
        """Begin to work on the run."""
        ranks.describe_with(self._describe_progress)
        stack.enter_context(self._resumable())
        if ranks.is_first():
            ranks.remember_run(self.run.folder)
            stack.enter_context(self.run.locked())
        with_board = self._args.tensorboard and ranks.is_first()
        board = self.run.path('tensorboard') if with_board else None
        self._board = stack.enter_context(contextlib.closing(Board(board)))
        self._stopwatch.lap('data')
        if self.run.finished:
            folder = printable(self.run.folder)
            drawn = is_drawn(self.run)
            print(
                f'{folder} is finished: drawing its figures'
                + (' again' if drawn else '')
            )

    def _folder_to_resume(self):
        """Return the folder of the run to go on with, or None."""
        begun = ranks.run_of_launch()
        if begun is not None:
            return begun
        if 'resume' in self._given:
            return run_to_resume(self._given, self._args, self.name).folder
        return None

    def _find_dataset(self, run, source, arguments):
        """Return the dataset's path, converted first if need be."""
        if run and 'data' not in self._given:
            found = find_dataset(run, out=self._args.out)
            if found is not None:
                return found
            if source and not os.path.exists(source):
                raise UserError(
                    f'the data of {run.folder} are no longer at {source}; '
                    f'{run.how_to_resume()} --data NEW, where NEW is the '
                    'path that they have now'
                )
        if not is_dataset(source or ''):
            # Complain before the conversion rather than after it.
            depth, size = self.parameters['depth'], self.parameters['size']
            check_shape(self.name, self.parameters, (depth, size, size))
        return dataset_file(
            source or synthetic_knees(self._args.out, self.parameters),
            self._key_file,
            self._args.out,
            options_from(self.parameters),
            Selection(arguments['series']),
            at_least=2 if self._spec.autoencoder else 1,
        )

    def _describe_data(self, dataset, synthetic):
        """Return what a run stores of its data, and checks on resuming."""
        return {
            'synthetic': synthetic,
            'hash': dataset.hash,
            'options': dataset.provenance.get('options'),
            'volumes': len(dataset.volumes),
            'shape': list(self.shape),
            'train': len(self.train),
            'test': 0 if self.test is None else len(self.test),
        }

    def _create_run(self, arguments, data):
        computed_on = {
            'engine': self.engine.name,
            'device': self.engine.device,
            'precision': self.engine.precision,
        }
        settings = {
            'experiment': self.name,
            'preset': config.preset_name(self._args.preset),
            'parameters': self.parameters,
            'data': data,
            **computed_on,
        }
        arguments = {**arguments, **computed_on}

        def create():
            return runs.create(self._args.out, settings, arguments).folder

        return runs.Run(ranks.from_first(create))

    def _output_bias(self):
        """Return the initial bias of the last layer (E21)."""
        wanted = self.parameters['output_bias']
        if wanted == 'mean':
            own = own_share(self.train)
            means = [image.mean(dtype='float64') for image in own]
            return output_bias_for(ranks.all_rows(np.array(means)).mean())
        return 0.0 if wanted == 'zero' else wanted
