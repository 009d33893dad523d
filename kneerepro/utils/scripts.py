"""The two ways to start a program: as a script, and as a command.

A checkout has scripts, such as ``experiments/cae2d.py``. The installed package
has one command, ``kneerepro train cae2d``, or ``python -m kneerepro train
cae2d``. Messages name another command with :func:`typed`, in the way in which
the user started this one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

#: The script of each command that has one, by the words after ``kneerepro``.
SCRIPTS = {
    'train cae2d': 'experiments/cae2d.py',
    'train cae3d': 'experiments/cae3d.py',
    'train dcgan': 'experiments/dcgan.py',
    'train wgan_gp': 'experiments/wgan_gp.py',
    'train dcgan3d': 'experiments/dcgan3d.py',
    'train wgan_gp3d': 'experiments/wgan_gp3d.py',
    'thesis': 'experiments/thesis.py',
    'figure 2.1': 'experiments/fig2_1_planes.py',
    'figure 2.2': 'experiments/fig2_2_slides.py',
    'figure 2.3': 'experiments/fig2_3_cae2d.py',
    'figure 2.4': 'experiments/fig2_4_cae3d.py',
    'figure 2.5': 'experiments/fig2_5_gan.py',
    'figure 3.1': 'experiments/fig3_1_images.py',
    'figure 3.2': 'experiments/fig3_2_reconstructions_2d.py',
    'figure 3.3': 'experiments/fig3_3_loss_2d.py',
    'figure 3.4': 'experiments/fig3_4_reconstructions_3d.py',
    'figure 3.5': 'experiments/fig3_5_loss_3d.py',
    'figure 3.6': 'experiments/fig3_6_images_dcgan.py',
    'figure 3.7': 'experiments/fig3_7_loss_dcgan.py',
    'figure 3.8': 'experiments/fig3_8_images_wgan_gp.py',
    'figure 3.9': 'experiments/fig3_9_real_and_generated.py',
    'figure 3.10': 'experiments/fig3_10_loss_wgan_gp.py',
    'knee_size': 'experiments/knee_size.py',
    'latent': 'experiments/latent.py',
    'inspect': 'data/inspect.py',
    'prepare': 'data/prepare.py',
    'phantom': 'data/make_phantom.py',
}

_AS_MODULE = 'python -m kneerepro'

# The path of the command's program, its argv[0]; None in a script.
_program: str | None = None


def start_as_command(program: str) -> None:
    """Declare that this process was started as a command.

    Parameters
    ----------
    program : str
        Its ``sys.argv[0]``: the path of ``kneerepro``, or that of
        ``__main__.py`` after ``python -m kneerepro``.
    """
    global _program  # noqa: PLW0603, one process is started in one way
    _program = program


def typed(command: str) -> str:
    """Return what the user would type to start a command.

    Call it when the message is made, not when a module is imported: only then
    is it known how the program was started.

    Parameters
    ----------
    command : str
        The words after ``kneerepro``, such as 'train cae2d'.

    Returns
    -------
    str
        'kneerepro train cae2d', 'python -m kneerepro train cae2d' or, from a
        script or a program of the user's own, 'python experiments/cae2d.py'.
    """
    if _program is None and command in SCRIPTS:
        return f'python {SCRIPTS[command]}'
    return f'{_typed_program()} {command}'


def usage(command: str) -> str | None:
    """Return how ``--help`` calls the program of a command.

    Parameters
    ----------
    command : str
        See :func:`typed`.

    Returns
    -------
    str or None
        None for a script: :mod:`argparse` then uses the file's name.
    """
    if _program is None and os.path.basename(sys.argv[0]) == os.path.basename(
        SCRIPTS.get(command, '')
    ):
        return None
    return f'{_typed_program()} {command}'


def run_command(command: str, *arguments: str) -> int:
    """Run another command of this package, in the way this one was started.

    Parameters
    ----------
    command : str
        See :func:`typed`.
    *arguments : str

    Returns
    -------
    int
        See :func:`run_script`.
    """
    return _run([*_words_of(command), *arguments])


def run_script(path: str, *arguments: str) -> int:
    """Run another script, as a shell would.

    Ctrl-C, which the terminal sends to both processes, and SIGTERM are left
    to the script: this process waits while it saves its state.

    Returns
    -------
    int
        The script's exit status; 128 plus the signal's number if a signal
        ended it.
    """
    return _run([path, *arguments])


def _typed_program():
    started_as_module = _program is None or (
        os.path.basename(_program) == '__main__.py'
    )
    return _AS_MODULE if started_as_module else 'kneerepro'


def _words_of(command):
    """What Python has to run for a command."""
    if _program is None:
        # The scripts of a checkout lie side by side.
        beside = os.path.join(
            os.path.dirname(sys.argv[0]), os.path.basename(SCRIPTS[command])
        )
        if os.path.exists(beside):
            return [beside]
    elif _typed_program() == 'kneerepro' and os.path.isfile(_program):
        return [_program, *command.split()]
    return ['-m', 'kneerepro', *command.split()]


def _run(words):
    def forward(signum, frame):
        if signum == signal.SIGTERM:
            process.terminate()

    previous = [
        (signum, signal.signal(signum, forward))
        for signum in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        process = subprocess.Popen([sys.executable, *words])
        status = process.wait()
    finally:
        for signum, handler in previous:
            signal.signal(signum, handler)
    return status if status >= 0 else 128 - status
