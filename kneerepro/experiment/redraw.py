"""The scripts of single figures: they draw one of a run that is there, or
have one made first.
"""

import argparse
import os
import signal
import subprocess
import sys

from kneerepro import config, runs
from kneerepro.experiment import session
from kneerepro.experiment.figures import ARCHITECTURES, file_name
from kneerepro.experiment.footer import footer_of_networks
from kneerepro.experiment.session import draw_figure
from kneerepro.figures.style import save_figure
from kneerepro.runs import zoo
from kneerepro.utils.errors import UserError


def figure_of_run(number, name, description, script):
    """Draw a figure of the newest finished run.

    Parameters
    ----------
    number : str
        In the thesis, such as '3.4'.
    name : str
        Of the experiment.
    description : str
        The docstring of the script.
    script : str
        Its path; that of the experiment lies beside it.

    Returns
    -------
    int
        An exit status.

    Raises
    ------
    UserError
        If the run cannot be used.
    """
    trainer = os.path.join(os.path.dirname(script), name + '.py')
    parser = argparse.ArgumentParser(
        description=description.split('\n\n', 1)[0],
        epilog=f'All flags of {trainer} choose among the runs, and start one if '
        f'there is none like that: python {trainer} --help',
        allow_abbrev=False,
    )
    parser.add_argument(
        '--run', metavar='RUN', help='the finished run (default: the newest)'
    )
    config.add_out(parser)
    own, others = parser.parse_known_args()
    argv = [*others, '--out', own.out]
    given, args = session.parse(name, description, argv)
    if 'resume' in given:
        raise UserError(f'to go on with a run: python {trainer} --resume')
    if own.run and others:
        raise UserError(
            f'--run says which, {others[0]} would choose: leave '
            'one of them out'
        )
    run = (
        runs.Run(own.run)
        if own.run
        else _newest(args, name, bool(others), finished=True)
    )
    if run is None:
        started = _newest(args, name, True, finished=False)
        what = 'going on with one' if started else 'starting one'
        print(
            f'no finished run {"like that " * bool(others)}in {own.out}: '
            f'{what}, {trainer}',
            flush=True,
        )
        if started:
            argv = ['--out', own.out, '--resume', started.folder]
        status = run_script(trainer, *argv)
        if status:
            return status
        run = _newest(args, name, bool(others), finished=True)
    if run.experiment != name:
        raise UserError(
            f'{own.run} is a run of {run.experiment}, Figure '
            f'{number} is one of {name}'
        )
    return _draw(run, number)


def _newest(args, name, alike, finished):
    """The newest run, of all or of those that the arguments ask for."""
    found = (
        session.find_runs(args, name) if alike else runs.find(args.out, name)
    )
    return next((run for run in found if run.finished == finished), None)


def run_script(path, *arguments):
    """Run another script, as a shell would.

    Ctrl-C, which the terminal sends to both, and SIGTERM are its affair: it
    is waited for while it saves what it has.

    Returns
    -------
    int
        Its exit status, 128 and the signal if one ended it.
    """

    def forward(signum, frame):
        if signum == signal.SIGTERM:
            process.terminate()

    previous = [
        (signum, signal.signal(signum, forward))
        for signum in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        process = subprocess.Popen([sys.executable, path, *arguments])
        status = process.wait()
    finally:
        for signum, handler in previous:
            signal.signal(signum, handler)
    return status if status >= 0 else 128 - status


def _draw(run, number):
    for path in draw_figure(run, run.results(), number):
        print(f'wrote {path}')
    return 0


def figure_of_networks(number, name, description):
    """Draw the networks of an experiment, which takes no training.

    Parameters
    ----------
    number, name, description
        See :func:`figure_of_run`.
    """
    parser = config.Parser(description)
    config.add_out(parser)
    config.add_parameters(parser, name, preset='thesis')
    args = parser.parse_args()
    parameters = config.parameters_of(args, name)
    shape = (parameters['depth'],) + (parameters['size'],) * 2
    networks = zoo.build(name, zoo.options_of(name, parameters, shape))
    figure = ARCHITECTURES[number](
        *networks, footer_of_networks(parameters, name)
    )
    for path in save_figure(
        figure, os.path.join(args.out, 'networks', file_name(number))
    ):
        print(f'wrote {path}')
