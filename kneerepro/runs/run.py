"""Runs: the folders ``runs/<experiment>/<time>-<preset>/``.

===================  ======================================================
config.json          what the run was asked to do, and on which data
environment.json     versions and machine, once for each start of the run
losses.csv           a row for each iteration
samples/             images made during the training
checkpoints/         the last two
results.npz          what the figures show; there once the run is finished
model.npz            the networks, for :mod:`kneerepro.runs.zoo`
figures/             as PNG and PDF
report.html          all of it on one page
===================  ======================================================
"""

import contextlib
import json
import os
import shlex
import time

from kneerepro import config
from kneerepro.runs import archive
from kneerepro.runs.checkpoints import Checkpoints
from kneerepro.runs.losses import Board
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason, replacing

try:
    import fcntl
except ImportError:  # not on Windows: two processes are not kept apart
    fcntl = None

_RESULTS = 'results'


class Run:
    """A run and its folder.

    Parameters
    ----------
    folder : str
        With a ``config.json``.

    Attributes
    ----------
    folder : str
    config : dict
        ``settings``, which determine the results, and ``arguments``, from
        which they were made.
    settings, arguments : dict
    parameters : dict
        Those of :mod:`kneerepro.config`; see
        :func:`kneerepro.config.complete`.
    checkpoints : Checkpoints
    board : Board
    checkpoint_interval : float
        Seconds.

    Raises
    ------
    UserError
        If there is no run in the folder.
    """

    def __init__(self, folder):
        self.folder = folder
        try:
            with open(self.path('config.json'), encoding='utf-8') as file:
                self.config = json.load(file)
            self.settings = self.config['settings']
            self.arguments = self.config['arguments']
            self.experiment = self.settings['experiment']
            self.parameters = config.complete(
                self.settings['parameters'], self.experiment
            )
        except OSError as error:
            raise UserError(
                f'{folder} is no run: config.json: {reason(error)}'
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f'{folder} is no run of this package: its '
                f'config.json is damaged ({error!r})'
            ) from None
        self.checkpoints = Checkpoints(self.path('checkpoints'), self.settings)
        self.board = Board(None)
        self.checkpoint_interval = 120.0

    def path(self, *names):
        """The path of something in the run's folder."""
        return os.path.join(self.folder, *names)

    def created(self):
        """When, in nanoseconds."""
        return os.stat(self.path('config.json')).st_mtime_ns

    @property
    def finished(self):
        """Whether its results are there."""
        return os.path.exists(self.path('results.npz'))

    def state(self):
        """One or two words: finished, running, stopped."""
        if self.finished:
            return 'finished'
        try:
            with self.locked():
                return 'stopped'
        except UserError:
            return 'running'

    def iteration(self):
        """The iteration that it could go on after."""
        last = self.checkpoints.last()
        return int(os.path.basename(last)[:-4]) if last else 0

    def left_at(self):
        """Where it stands, in words for the user."""
        if self.finished:
            return 'it is trained, its figures are to be drawn'
        iteration = self.iteration()
        return (
            f'iteration {iteration} is saved'
            if iteration
            else 'no iteration is saved, it begins anew'
        )

    def how_to_resume(self):
        """A line for the user."""
        return (
            'to go on: python experiments/'
            f'{self.experiment}.py --resume {shlex.quote(self.folder)}'
        )

    @contextlib.contextmanager
    def locked(self):
        """Keep other processes from working on the run meanwhile.

        Raises
        ------
        UserError
            If one is.
        """
        with open(self.path('config.json'), 'rb') as file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UserError(
                        f'another process is at work on {self.folder}'
                    ) from None
            yield

    def add_environment(self, environment):
        """Put on record what a start of the run ran on."""
        path = self.path('environment.json')
        with replacing(path) as temporary:
            _write_json(temporary, self.environments() + [environment])

    def environments(self):
        """What its starts ran on."""
        try:
            with open(self.path('environment.json')) as file:
                return json.load(file)
        except (OSError, ValueError):
            return []

    def save_results(self, results):
        """Write what the figures show, which makes the run a finished one."""
        archive.save(
            self.path('results.npz'), _RESULTS, results, self.settings
        )

    def results(self):
        """What the figures show, dict of str to array.

        Raises
        ------
        UserError
            If the run is not finished, or they are damaged.
        """
        if not self.finished:
            raise UserError(
                f'{self.folder} is not finished; ' + self.how_to_resume()
            )
        return archive.load(self.path('results.npz'), _RESULTS)[0]


def create(root, settings, arguments):
    """A new run.

    Parameters
    ----------
    root : str
        Folder of all runs.
    settings, arguments : dict
        See :class:`Run`; what JSON can hold.

    Returns
    -------
    Run

    Raises
    ------
    UserError
        If its folder cannot be written to.
    """
    name = time.strftime('%Y%m%d-%H%M%S-') + settings['preset']
    parent = os.path.join(root, settings['experiment'])
    for number in range(1, 1000):
        folder = os.path.join(
            parent, name + (f'-{number}' if number > 1 else '')
        )
        try:
            os.makedirs(folder)
        except FileExistsError:
            if os.path.isdir(folder):
                continue
            raise UserError(
                f'cannot write to {root}: there is a file with '
                'the name of a folder'
            ) from None
        except OSError as error:
            raise UserError(
                f'cannot write to {root}: {reason(error)}'
            ) from None
        break
    with replacing(os.path.join(folder, 'config.json')) as temporary:
        _write_json(temporary, {'settings': settings, 'arguments': arguments})
    return Run(folder)


def find(root, experiment):
    """The runs of an experiment, the newest first.

    Folders that hold none are passed over.
    """
    parent = os.path.join(root, experiment)
    try:
        names = os.listdir(parent)
    except OSError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(UserError):
            found.append(Run(os.path.join(parent, name)))
    return sorted(found, key=Run.created, reverse=True)


def _write_json(path, value):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(value, file, indent=1)
        file.write('\n')
