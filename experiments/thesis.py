"""The whole thesis in its order: all figures of chapters 2 and 3.

Finished runs are drawn again, stopped runs are resumed, and missing runs are
started. Given again, the same command therefore continues where it stopped.
"""

import os

from kneerepro import command_line
from kneerepro.experiment.arguments import add_run_arguments, parse
from kneerepro.experiment.choose import best_run, flags_to_train
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import cli
from kneerepro.utils.scripts import run_script
from kneerepro.utils.text import printable

FOLDER = os.path.dirname(os.path.abspath(__file__))


def main():
    args, data, training = parse_arguments()
    out, preset = ['--out', args.out], ['--preset', args.preset]

    # -------------------------------------------------------------- chapter 2
    run('fig2_1_planes.py', *out, *data)
    run('fig2_2_slides.py', *out, *data)
    run('fig2_3_cae2d.py', *out, *preset)
    run('fig2_4_cae3d.py', *out, *preset)
    run('fig2_5_gan.py', *out, *preset)

    # -------------------------------------------------------------- chapter 3
    run('fig3_1_images.py', *out, *preset, *data)
    flags, reports = [*preset, *out, *data, *training], []
    for name in EXPERIMENTS:
        _, asked = parse(name, '', flags)
        best = best_run(asked, name)
        run(name + '.py', *flags_to_train(best, args.out, flags))
        reports.append(best_run(asked, name).path('report.html'))

    print('\nThe reports:')
    for report in reports:
        print('   ', printable(report))


def run(script, *arguments):
    print('\n' + printable(f'{script} {" ".join(arguments)}'), flush=True)
    status = run_script(os.path.join(FOLDER, script), *arguments)
    if status:
        raise SystemExit(status)


def parse_arguments():
    """Return the arguments, and the flags to pass on about the data and about
    the training.
    """
    parser = command_line.Parser(__doc__)
    add_run_arguments(parser)
    command_line.add_preset(parser)
    args = parser.parse_args()
    data, training = [], []
    for name, value in vars(args).items():
        if name in ('out', 'preset') or value == parser.get_default(name):
            continue
        about_data = name in (
            'data',
            'series_description',
            'any_series',
            'key_file',
        )
        (data if about_data else training).extend(as_flag(name, value))
    return args, data, training


def as_flag(name, value):
    """Return the words of the command line that give an argument."""
    name = name.replace('_', '-')
    if value is False:
        return [f'--no-{name}']
    return [f'--{name}'] if value is True else [f'--{name}', str(value)]


if __name__ == '__main__':
    cli.run(main)
