"""The whole thesis, in its order: all figures of chapters 2 and 3.

What is finished is drawn again, what was stopped goes on, what is missing is
started; so a second call of the same command goes on where the first was
stopped.
"""

import os

from kneerepro import config, runs
from kneerepro.experiment import session
from kneerepro.experiment.redraw import run_script
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import cli

FOLDER = os.path.dirname(os.path.abspath(__file__))


def main():
    args, flags = parse_arguments()
    out, preset = ['--out', args.out], ['--preset', args.preset]
    data = flags['data']

    # -------------------------------------------------------------- chapter 2
    run('fig2_1_planes.py', *out, *data)
    run('fig2_2_slides.py', *out, *data)
    run('fig2_3_cae2d.py', *out, *preset)
    run('fig2_4_cae3d.py', *out, *preset)
    run('fig2_5_gan.py', *out, *preset)

    # -------------------------------------------------------------- chapter 3
    run('fig3_1_images.py', *out, *preset, *data)
    for name in EXPERIMENTS:
        train(name, args, [*preset, *out, *data, *flags['training']])

    print('\nThe reports:')
    for name in EXPERIMENTS:
        print('   ', runs.find(args.out, name)[0].path('report.html'))


def train(name, args, flags):
    """Sections 3.1 to 3.4: a finished run is there, or one is to go on, or to
    start.
    """
    script = name + '.py'
    found = session.find_runs(session.parse(name, '', flags)[1], name)
    if not found:
        run(script, *flags)
    else:
        # Of those that are finished rather than the newest.
        chosen = next((one for one in found if one.finished), found[0])
        run(script, '--out', args.out, '--resume', chosen.folder)


def run(script, *arguments):
    print(f'\n{script} {" ".join(arguments)}', flush=True)
    status = run_script(os.path.join(FOLDER, script), *arguments)
    if status:
        raise SystemExit(status)


def parse_arguments():
    parser = config.Parser(__doc__)
    session.add_run_arguments(parser)
    config.add_preset(parser)
    args = parser.parse_args()
    data, training = [], []
    for name, value in vars(args).items():
        if value != parser.get_default(name) and name not in ('out', 'preset'):
            flag = '--' + name.replace('_', '-')
            if value is False:
                flag = [flag.replace('--', '--no-', 1)]
            else:
                flag = [flag] if value is True else [flag, str(value)]
            if name in ('data', 'series_description', 'any_series'):
                data += flag
            else:
                training += flag
    return args, {'data': data, 'training': training}


if __name__ == '__main__':
    cli.run(main)
