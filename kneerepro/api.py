"""Train from a notebook or a script of your own.

::

    import kneerepro

    run = kneerepro.train('cae3d', data='knees.h5', preset='quick', epochs=5)
    run.losses['train']              # an array, one value for each iteration
    run.figures['3.4']               # shows itself in a notebook
    run.reconstruct(volumes)

This is the code of the command line: the same options give the same numbers,
to the bit, and the same folder. Nothing exits, and what the user can correct
raises :class:`~kneerepro.utils.errors.UserError`.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import numbers
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from kneerepro import command_line, config, runs
from kneerepro.algorithms.common import compile_through, input_layer
from kneerepro.data.dataset import Dataset
from kneerepro.data.splits import check_range
from kneerepro.engines import Engine
from kneerepro.experiment.arguments import parse, parser_of
from kneerepro.experiment.captions import SHOWN
from kneerepro.experiment.figures import CODES, FIGURES, file_name
from kneerepro.experiment.session import Experiment
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import zoo
from kneerepro.runs.batches import outputs_over
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.runs.datasets import find_dataset
from kneerepro.runs.snapshot import Snapshot
from kneerepro.utils import cli
from kneerepro.utils.errors import Stopped, UserError
from kneerepro.utils.files import reason

__all__ = ['Picture', 'Pictures', 'TrainedRun', 'open_run', 'resume', 'train']

# Images, or volumes, that a GAN generates at a time, as python -m kneerepro
# generate does.
_GENERATED, _GENERATED_VOLUMES = 128, 4


def train(
    experiment: str,
    *,
    data: str | os.PathLike | None = None,
    preset: str | os.PathLike | None = None,
    resume: str | os.PathLike | bool | None = None,
    **options: Any,
) -> TrainedRun:
    """Train a network of the thesis, or one beyond it, and draw its figures.

    Parameters
    ----------
    experiment : {'cae2d', 'cae3d', 'dcgan', 'wgan_gp', 'dcgan3d', \
'wgan_gp3d'}
    data : path, optional
        A dataset, or a folder or archive of series. By default synthetic
        knees, which are made at the first run.
    preset : str or path, optional
        'quick' (the default), 'smoke', 'thesis' (beyond the thesis, 'full'),
        or a file.
    resume : path or True, optional
        A run that was stopped; True for the newest one.
    **options
        All other flags of the command line, with underscores for hyphens:
        ``epochs=5``, ``batch_size=8``, ``flip_left=True``, ``shuffle=False``,
        ``out='runs'``, ``device='cuda'``. None leaves the preset's value,
        except for those parameters that can be none: `test` and
        `iterations`.

    Returns
    -------
    TrainedRun

    Raises
    ------
    UserError
        If an option, the data or the run cannot be used. The message is that
        of the command line.
    KeyboardInterrupt
        After Ctrl-C, or the stop button of a notebook, when the current step
        is done and saved. The message says how to resume the run.
    """
    _check_experiment(experiment)
    words = _words(
        experiment,
        {'data': data, 'preset': preset, 'resume': resume, **options},
    )
    trainer = importlib.import_module(f'kneerepro.trainings.{experiment}')
    session = Experiment(
        experiment,
        parse(experiment, words),
        ['kneerepro.train', experiment, *words],
    )
    with _as_keyboard_interrupt(session), session:
        if not session.run.finished:
            trainer.train(session)
        session.draw()
    return TrainedRun(session.run, session.engine)


def resume(run: TrainedRun | str | os.PathLike, **options: Any) -> TrainedRun:
    """Resume a run that was stopped; redraw the figures of a finished one.

    Parameters
    ----------
    run : TrainedRun or path
    **options
        As for :func:`train`. Data that have been moved are named by `data`.

    Returns
    -------
    TrainedRun

    Raises
    ------
    UserError, KeyboardInterrupt
        As :func:`train` does.
    """
    folder = run.folder if isinstance(run, TrainedRun) else os.fspath(run)
    return train(runs.Run(folder).experiment, resume=folder, **options)


def open_run(
    folder: str | os.PathLike,
    engine: str = 'auto',
    device: str = 'auto',
    precision: str = 'float32',
) -> TrainedRun:
    """Open a run that exists, finished or not, wherever it was trained.

    Parameters
    ----------
    folder : path
        ``runs/<experiment>/<time>-<preset>``.
    engine, device, precision : str
        What its networks are to run in, see
        :class:`kneerepro.engines.Engine`.

    Returns
    -------
    TrainedRun

    Raises
    ------
    UserError
        If there is no run, or if this machine lacks the engine or the device.
    """
    return TrainedRun(
        runs.Run(os.fspath(folder)), Engine(engine, device, precision)
    )


class TrainedRun:
    """A run, as :func:`train` and :func:`open_run` return it.

    Parameters
    ----------
    run : kneerepro.runs.Run
    engine : kneerepro.engines.Engine
        What its networks run in.

    Attributes
    ----------
    run : kneerepro.runs.Run
        The files of the run.
    folder, experiment : str
    parameters : dict
        See :mod:`kneerepro.config`.
    """

    def __init__(self, run: runs.Run, engine: Engine):
        self.run, self._engine = run, engine
        self.folder, self.experiment = run.folder, run.experiment
        self.parameters = dict(run.parameters)

    def __repr__(self):
        return f'<{self.run.state()} run of {self.experiment}: {self.folder}>'

    # ------------------------------------------------------- what it measured

    @property
    def results(self) -> dict[str, np.ndarray]:
        """All arrays that the figures show, by name.

        Raises
        ------
        UserError
            If the run is not finished.
        """
        self._check_finished()
        return self._results

    @property
    def losses(self) -> dict[str, np.ndarray]:
        """The losses by name, shape (1 + iterations,).

        The first value is from before the training. Losses that are not
        measured in every iteration are NaN in the others; :meth:`curve`
        leaves these out. A run that is not finished has those up to its last
        checkpoint.
        """
        if not self.run.finished:
            return {
                name: np.asarray(values)
                for name, values in self._snapshot().losses.items()
            }
        return {
            name: self._results[f'{name}_loss']
            for name in EXPERIMENTS[self.experiment].losses
        }

    @property
    def measures(self) -> dict[str, np.ndarray]:
        """How much codes or generated images vary, of the same shape.

        ``code_spread`` of an autoencoder, ``image_spread`` of a GAN: see
        :mod:`kneerepro.runs.collapse`. Runs of earlier versions have none.
        """
        name = COLLAPSES[self.experiment].measure
        measured: Mapping[str, Any] = (
            self._results if self.run.finished else self._snapshot().measures
        )
        return {name: np.asarray(measured[name])} if name in measured else {}

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a loss or a measure without the iterations that lack it.

        Parameters
        ----------
        name : str
            Such as 'test' or 'code_spread'.

        Returns
        -------
        iterations, values : array
            As Matplotlib's ``plot(*run.curve('test'))`` takes them.

        Raises
        ------
        UserError
            If there is no such loss or measure.
        """
        curves = {**self.losses, **self.measures}
        if name not in curves:
            raise UserError(
                f'{self.folder} has no loss or measure {name!r}'
                f'{config.suggestion(name, curves)}: it has '
                + (', '.join(curves) or 'none yet')
            )
        (iterations,) = np.nonzero(~np.isnan(curves[name]))
        return iterations, curves[name][iterations]

    # ------------------------------------------------------------ what it drew

    @property
    def figures(self) -> Pictures:
        """The figures by their number in the thesis, such as '3.4', or beyond
        it by their name.

        The picture of an autoencoder's codes is called 'codes'.
        """
        self._check_finished()
        captions = {
            number: SHOWN[number] for number in FIGURES[self.experiment]
        }
        files = {number: file_name(number) for number in captions}
        if 'code_plane' in self._results:
            files[CODES], captions[CODES] = CODES, 'The codes of all examples.'
        return Pictures(
            self,
            {
                number: Picture(
                    number,
                    captions[number],
                    self.run.path('figures', f'{name}.png'),
                )
                for number, name in files.items()
            },
        )

    @property
    def report(self) -> str:
        """Path of the report, a web page that needs no other file."""
        self._check_finished()
        return self.run.path('report.html')

    # ------------------------------------------------------- what it can do

    @property
    def networks(self) -> tuple[Any, Any]:
        """The trained networks as Lasagne layers.

        Encoder and decoder, or generator and discriminator or critic.
        """
        return self._model.networks

    def open_dataset(self) -> Dataset:
        """Open the dataset that the run was trained on.

        Returns
        -------
        kneerepro.data.dataset.Dataset
            To be used in a ``with`` block.

        Raises
        ------
        UserError
            If it is neither where it was nor in the folder ``datasets``
            beside the runs.
        """
        path = find_dataset(self.run)
        if path is None:
            raise UserError(
                f'the dataset of {self.folder} is no longer where it was: '
                'open it with kneerepro.data.dataset.Dataset(PATH)'
            )
        return Dataset(path)

    def reconstruct(self, images: Any) -> np.ndarray:
        """Reconstruct volumes or slices with an autoencoder.

        Parameters
        ----------
        images : array, View or tensor, in [0, 1]
            The last axes are those of a volume (depth, rows, columns) for the
            3D autoencoder, and those of a slice (rows, columns) for the 2D
            one. Any axes may come before them, such as the thesis's
            ``(patients, 1, depth, rows, columns)``: the 2D autoencoder takes
            whole volumes, slice by slice.

        Returns
        -------
        array of the same shape, float32

        Raises
        ------
        UserError
            If this is a GAN, or if size or values of the images do not fit.
        """
        examples, axes = self._as_examples(images, 'reconstruct')
        made = self._apply(self._through_both, examples)
        return made.reshape(axes + examples.shape[2:])

    def encode(self, images: Any) -> np.ndarray:
        """Compute the latent vectors of volumes or slices.

        Parameters
        ----------
        images : array, View or tensor, in [0, 1]
            As for :meth:`reconstruct`.

        Returns
        -------
        array, float32
            With the axes before those of an image, less the axis of its
            channel, and the latent vectors as the last one: ``(patients,
            nz)`` for the thesis's volumes, and ``(patients, depth, nz)`` for
            their slices.

        Raises
        ------
        UserError
            As :meth:`reconstruct` does.
        """
        examples, axes = self._as_examples(images, 'encode')
        codes = self._apply(self._through_first, examples)
        if len(axes) > 1 and axes[1] == 1:
            axes = axes[:1] + axes[2:]
        return codes.reshape(*axes, -1)

    def generate(self, n: int = 25, seed: int = 0) -> np.ndarray:
        """Generate images, or volumes, with a GAN.

        Parameters
        ----------
        n : int
        seed : int
            Of the noise. The images are those of ``python -m kneerepro
            generate`` with this seed.

        Returns
        -------
        array, shape (n, 1, ...), float32
            Images of 64 x 64 for the thesis's GANs, volumes of ``(depth,
            rows, columns)`` for those beyond it.

        Raises
        ------
        UserError
            If this is an autoencoder.
        """
        self._check_kind('generate', autoencoder=False)
        n = _read(cli.positive_int, 'n', n)
        seed = _read(cli.seed, 'seed', seed)
        noise = np.random.RandomState(seed).normal(
            size=(n, self._model.options['nz'])
        )
        on_volumes = EXPERIMENTS[self.experiment].on_volumes
        return outputs_over(
            self._through_first,
            noise.astype('float32'),
            _GENERATED_VOLUMES if on_volumes else _GENERATED,
        )

    # ------------------------------------------------------------- its parts

    @functools.cached_property
    def _results(self):
        return self.run.results()

    @functools.cached_property
    def _model(self):
        self._check_finished()
        return zoo.load(self.run.path('model.npz'))

    @functools.cached_property
    def _through_first(self):
        """Applies the encoder, or the generator of a GAN."""
        return compile_through(self.networks[:1], self._engine.mode)

    @functools.cached_property
    def _through_both(self):
        return compile_through(self.networks, self._engine.mode)

    def _snapshot(self) -> Snapshot:
        """The last checkpoint of a run that is not finished."""
        found = self.run.checkpoints.load_last()
        return Snapshot.from_arrays(found[0] if found else {})

    def _check_finished(self):
        if not self.run.finished:
            raise UserError(
                f'{self.folder} is not finished; {_how_to_resume(self.run)}'
            )

    def _check_kind(self, method, autoencoder):
        spec = EXPERIMENTS[self.experiment]
        if spec.autoencoder != autoencoder:
            others = 'generate' if autoencoder else 'reconstruct or encode'
            raise UserError(
                f'{self.folder} is a run of the {spec.title}, which cannot '
                f'{method}: use {others}'
            )

    def _as_examples(self, images, method):
        """Arrange images as the autoencoder takes them.

        Returns
        -------
        examples : array, shape (n, 1, ...), float32
        axes : tuple of int
            Lengths of the axes before those of an image.
        """
        self._check_kind(method, autoencoder=True)
        size = input_layer(self.networks[0]).shape[2:]
        images = np.asarray(images[:], 'float32')
        if images.shape[-len(size) :] != size:
            raise UserError(
                f'the images have the shape {images.shape}, but this '
                f'autoencoder takes {" x ".join(map(str, size))} as the last '
                'axes'
            )
        examples = images.reshape(-1, 1, *size)
        check_range(examples)
        return examples, images.shape[: -len(size)]

    def _apply(self, function: Callable, examples: np.ndarray) -> np.ndarray:
        if not len(examples):
            raise UserError('there are no images: give at least one')
        return outputs_over(function, examples, self.parameters['batch_size'])


@dataclass(frozen=True)
class Picture:
    """A figure of a run. A notebook shows it.

    Attributes
    ----------
    number : str
        Such as '3.4'.
    caption : str
        What it shows.
    path : str
        The PNG. The PDF lies beside it.
    """

    number: str
    caption: str
    path: str

    def _repr_png_(self) -> bytes:
        try:
            with open(self.path, 'rb') as file:
                return file.read()
        except OSError as error:
            raise UserError(
                f'{self.path} cannot be read: {reason(error)}; '
                'kneerepro.resume(run) draws it again'
            ) from None


class Pictures(dict[str, Picture]):
    """The figures of a run by their numbers.

    Parameters
    ----------
    run : TrainedRun
    pictures : dict of str to Picture
    """

    def __init__(self, run: TrainedRun, pictures: dict[str, Picture]):
        super().__init__(pictures)
        self._owner = f'a run of {run.experiment}'

    def __missing__(self, number: str) -> NoReturn:
        raise UserError(
            f'{self._owner} has no figure {number!r}: it has '
            + ', '.join(self)
        )


# -------------------------------------------------- from options to arguments


class _Parser(command_line.Parser):
    """Parses the command line that stands for keyword arguments."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def _check_experiment(name):
    if name not in EXPERIMENTS:
        raise UserError(
            f'no experiment {name}{config.suggestion(str(name), EXPERIMENTS)}'
            f': the experiments are {", ".join(EXPERIMENTS)}'
        )


def _words(experiment: str, options: Mapping[str, Any]) -> list[str]:
    """Return the command line that asks for options.

    Raises
    ------
    UserError
        If there is no such option, or if it cannot have this value.
    """
    parser = parser_of(experiment, _Parser)
    actions = {
        action.dest: action
        for action in parser._actions
        if action.dest != 'help'
    }
    words = []
    for name, value in options.items():
        if name not in actions:
            raise UserError(
                f'{experiment} has no option {name}'
                + config.suggestion(name, actions)
            )
        words += _as_words(actions[name], value)
    # What the command line would refuse is refused here.
    parser.parse_args(words)
    return words


def _as_words(action: argparse.Action, value: Any) -> list[str]:
    """Return the words of the command line for the value of an option."""
    flags = action.option_strings
    if value is None and action.dest in config.PARAMETERS:
        # Parameters that cannot be none keep the preset's value.
        return [f'{flags[0]}=none'] if _can_be_none(action) else []
    if value is None or (value is False and len(flags) == 1):
        return []
    if isinstance(value, (bool, np.bool_)):
        return [flags[0] if value else flags[1]]
    return [f'{flags[0]}={_as_text(value)}']


def _can_be_none(action):
    try:
        return action.type('none') is None
    except (argparse.ArgumentTypeError, TypeError):
        return False


def _as_text(value):
    """Write a value so that the command line reads it without any loss."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return ','.join(map(_as_text, value))
    if isinstance(value, numbers.Real) and not isinstance(
        value, numbers.Integral
    ):
        return repr(float(value))
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _read(read, name, value):
    try:
        return read(str(value))
    except argparse.ArgumentTypeError as error:
        raise UserError(f'{name}: {error}') from None


# ------------------------------------------------------------------- stopping


@contextlib.contextmanager
def _as_keyboard_interrupt(session: Experiment) -> Iterator[None]:
    """Stop as other code in a notebook does, once the run is saved."""
    try:
        yield
    except Stopped as stopped:
        if stopped.signum == signal.SIGTERM:
            # It was held back until now.
            signal.raise_signal(stopped.signum)
        what = str(stopped).splitlines()[0]
        raise KeyboardInterrupt(
            f'{what}\n{_how_to_resume(session.run)}'
        ) from None


def _how_to_resume(run: runs.Run) -> str:
    return f'to resume: kneerepro.resume({run.folder!r})'
