import contextlib
import io
import multiprocessing
import os
import runpy
import subprocess
import sys
from unittest import mock

from kneerepro.experiment.session import Experiment
from tests.modes import ON_ENGINE, TorchLinker
from tests.subprocesses import ROOT

#: Drawing takes as long as a tiny training, so it is left out where no test
#: looks at the figures.
undrawn = mock.patch.object(Experiment, 'draw', lambda experiment: None)


def unoptimised():
    """Patch the engine so that graphs stay as they are written.

    Optimising them takes longer than the few steps of a test.
    """
    if TorchLinker is None:
        return contextlib.ExitStack()
    return mock.patch(
        'kneerepro.engine.torch_mode', lambda *_, **__: ON_ENGINE
    )


def start_script(name, *arguments, **kwargs):
    """Start an experiment in a process of its own."""
    return subprocess.Popen(
        [
            sys.executable,
            os.path.join(ROOT, 'experiments', name + '.py'),
            *arguments,
        ],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **kwargs,
    )


def run_script(name, *arguments, status=0):
    """Run an experiment and check its exit status; return its output."""
    return _output_of(start_script(name, *arguments), name, status)


def _output_of(process, name, status):
    """Wait for an experiment's end, and check its exit status."""
    stdout, stderr = process.communicate()
    if process.returncode != status:
        raise AssertionError(
            f'{name} ended with {process.returncode}, not '
            f'{status}:\n{stdout}{stderr}'
        )
    return stdout + stderr


def run_here(name, *arguments, status=0):
    """As :func:`run_script`, but in this process, which has imported all."""
    output, code = io.StringIO(), 0
    with (
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
        mock.patch('sys.excepthook', sys.excepthook),
    ):
        try:
            _run_main(name, arguments)
        except SystemExit as error:
            code = error.code or 0
    if code != status:
        raise AssertionError(
            f'{name} ended with {code}, not {status}:\n' + output.getvalue()
        )
    return output.getvalue()


def _run_main(name, arguments):
    folder = os.path.join(ROOT, 'experiments')
    path = os.path.join(folder, name + '.py')
    with (
        mock.patch('sys.argv', [path, *arguments]),
        mock.patch('sys.path', [folder, *sys.path]),
    ):
        runpy.run_path(path, run_name='__main__')


class ForkedScript:
    """An experiment in a copy of this process, which has imported all.

    It has those attributes of a ``subprocess.Popen`` that the tests use. It
    computes in one thread, because the threads of this process are not
    copied.
    """

    def __init__(self, name, *arguments):
        pipes = [os.pipe(), os.pipe()]
        self._process = multiprocessing.get_context('fork').Process(
            target=self._run, args=(name, arguments, pipes), daemon=True
        )
        self._process.start()
        for _, end in pipes:
            os.close(end)
        self.stdout, self.stderr = (os.fdopen(pipe[0]) for pipe in pipes)

    @staticmethod
    def _run(name, arguments, pipes):
        for (_, end), descriptor in zip(pipes, (1, 2)):
            os.dup2(end, descriptor)
            os.close(end)
        sys.stdout = os.fdopen(1, 'w', closefd=False)
        sys.stderr = os.fdopen(2, 'w', closefd=False)
        if 'torch' in sys.modules:
            sys.modules['torch'].set_num_threads(1)
        _run_main(name, arguments)

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self._process.exitcode

    def communicate(self):
        """Wait until it ends; returns the rest of what it prints."""
        with self.stdout, self.stderr:
            output = self.stdout.read(), self.stderr.read()
        self._process.join()
        return output

    def send_signal(self, signum):
        os.kill(self._process.pid, signum)

    def kill(self):
        self._process.kill()


def run_forked(name, *arguments, status=0):
    """As :func:`run_script`, in a copy of this process."""
    return _output_of(ForkedScript(name, *arguments), name, status)
