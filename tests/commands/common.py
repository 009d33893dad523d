"""Small models, datasets and runs for the tests of the commands."""

import contextlib
import io
import json
import os
from unittest import mock

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import numpy as np

from kneerepro import commands, config, runs
from kneerepro.data.dataset import new_dataset
from kneerepro.runs import zoo
from kneerepro.utils import cli
from tests.folders import FolderTest
from tests.modes import ON_ENGINE

SHAPE = 16, 16, 16
PATIENTS = ['anna', 'bert', 'anna']
SIDES = ['LEFT', '', 'RIGHT']


class CommandTest(FolderTest):
    """Runs commands in this process.

    Their Theano functions run as they are written, which works on every
    machine.
    """

    def setUp(self):
        super().setUp()
        engine = mock.Mock(mode=ON_ENGINE)
        for patch in [
            mock.patch.dict(os.environ, XDG_CONFIG_HOME=self.path('config')),
            mock.patch(
                'kneerepro.commands.encode.Engine', return_value=engine
            ),
            mock.patch(
                'kneerepro.commands.reconstruct.Engine', return_value=engine
            ),
            mock.patch(
                'kneerepro.commands.generate.Engine', return_value=engine
            ),
        ]:
            patch.start()
            self.addCleanup(patch.stop)

    def call(self, *argv, status=0):
        """Run a command; returns what it prints on stdout and on stderr."""
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            self.assertRaises(SystemExit) as caught,
        ):
            cli.run(lambda: commands.main(list(argv)))
        self.assertEqual(caught.exception.code, status, stderr.getvalue())
        return stdout.getvalue(), stderr.getvalue()

    def assert_refused(self, message, *argv):
        """The command refuses with one line that begins with "error:"."""
        _, stderr = self.call(*argv, status=cli.BAD_INPUT)
        self.assertRegex(stderr, r'\Aerror: .*\n\Z')
        self.assertRegex(stderr, message)

    def new_run(self, experiment, shape=SHAPE, options=None, **changes):
        """Make a run that has not started.

        Parameters
        ----------
        experiment : str
        shape : tuple of 3 ints
            Depth, rows and columns of the volumes.
        options : dict, optional
            How its dataset was prepared, if it was supplied.
        **changes
            Parameters that differ from the preset smoke.
        """
        parameters = {
            **config.read_preset('smoke', experiment),
            'nz': 4,
            'width': 0.03,
            'depth': shape[0],
            'size': shape[1],
            **changes,
        }
        data = {
            'synthetic': True,
            'hash': 'abc',
            'volumes': 3,
            'shape': list(shape),
            'train': 2,
            'test': 1,
        }
        if options is not None:
            data['options'] = options
        settings = {
            'experiment': experiment,
            'preset': 'smoke',
            'parameters': parameters,
            'data': data,
            'engine': 'theano',
            'device': 'cpu',
        }
        return runs.create(self.path('runs'), settings, {})

    def finished_run(self, experiment, shape=SHAPE, **changes):
        """Make a finished run of untrained networks; returns its folder.

        The networks are the same in each test.
        """
        self.addCleanup(lasagne.random.set_rng, lasagne.random.get_rng())
        lasagne.random.set_rng(np.random.RandomState(0))
        run = self.new_run(experiment, shape, **changes)
        options = zoo.builder_options(experiment, run.parameters, shape)
        zoo.save(
            run.path('model.npz'),
            experiment,
            options,
            zoo.build(experiment, options),
            {'run': os.path.basename(run.folder), **run.settings},
        )
        run.save_results({})
        return run.folder

    def dataset(self, shape=SHAPE, name='knees.h5', known=None, **options):
        """Write a dataset.

        Parameters
        ----------
        shape : tuple of 3 ints
        name : str
            Of the file.
        known : list of dict, optional
            What else is known of each volume, such as its `grid`.
        **options
            It records these as those it was made with.
        """
        path, rng = self.path(name), np.random.RandomState(1)
        known = known or [{}] * len(PATIENTS)
        with new_dataset(path, shape) as writer:
            for patient, side, about in zip(PATIENTS, SIDES, known):
                writer.append(rng.rand(*shape), patient, side, **about)
            if options:
                writer.provenance = {
                    'options': {
                        'depth': shape[0],
                        'size': shape[1],
                        'normalise': 'volume',
                        'flip_left': False,
                        **options,
                    }
                }
        return path

    def rewrite(self, run, **changes):
        """Change settings in a run's config.json."""
        path = os.path.join(run, 'config.json')
        with open(path) as file:
            content = json.load(file)
        content['settings'].update(changes)
        with open(path, 'w') as file:
            json.dump(content, file)
