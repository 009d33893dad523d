"""Make what commands.rst shows: pictures and the text that commands print.

The commands of the page run in a temporary folder, on synthetic knees and with
the networks of finished runs. `make pictures` writes the files of
docs/measured/ that the page includes.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import measured_files

from kneerepro import command_line, commands, runs
from kneerepro.utils import cli, scripts
from kneerepro.utils.errors import UserError
from kneerepro.utils.rst import table

# The figures that need no training: pictures of images, with their width in
# pixels, and drawings.
_PICTURES = {'2.1': 1000, '2.2': 750}
_DRAWINGS = '2.3', '2.4', '2.5'

# Images and dataset of these names, as on the page.
_IMAGES, _DATASET = 'FOLDER', 'knees.h5'
_PHANTOM = '--patients', '4', '--matrix', '128', '--slices', '160'

# Of codes.csv, on the page.
_ROWS, _COLUMNS, _LONGEST = 3, 8, 10

# Pixels of the page that sets runs side by side.
_WINDOW = 1280, 1000


def main() -> None:
    """Run the commands, and keep what they make."""
    args = parse_arguments()
    autoencoder, gan = (
        os.path.abspath(folder or _newest(args.out, experiment))
        for folder, experiment in [
            (args.autoencoder, 'cae3d'),
            (args.gan, 'wgan_gp'),
        ]
    )
    beside = [os.path.abspath(folder) for folder in args.beside]
    scripts.start_as_command('kneerepro')
    with _temporary_folder():
        draw_figures()
        show_images()
        show_codes(autoencoder)
        call('reconstruct', autoencoder, _DATASET, '--out', 'made')
        measured_files.save_copy('made/overview.png', 'reconstruct', False)
        call('generate', gan, '--out', 'made')
        measured_files.save_copy('made/images.png', 'generate', False)
        if beside:
            show_runs(beside)


def parse_arguments():
    """Parse the command line."""
    parser = command_line.Parser(__doc__)
    command_line.add_out(parser)
    parser.add_argument(
        '--autoencoder',
        metavar='RUN',
        help='run of an autoencoder (default: the newest of cae3d)',
    )
    parser.add_argument(
        '--gan',
        metavar='RUN',
        help='run of a GAN (default: the newest of wgan_gp)',
    )
    parser.add_argument(
        '--beside',
        metavar='RUN',
        nargs='+',
        default=[],
        help='runs to set side by side (default: keep the picture)',
    )
    return parser.parse_args()


def _newest(out: str, experiment: str) -> str:
    """The folder of the newest finished run."""
    run = runs.find_finished(out, experiment)
    if run is None:
        raise UserError(
            f'{out} has no finished run of {experiment}: train one with '
            f'{scripts.typed(f"train {experiment}")}'
        )
    return run.folder


@contextlib.contextmanager
def _temporary_folder() -> Iterator[None]:
    """Work in a new folder, which is removed at the end."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def call(*words: str) -> str:
    """Run a command of this package; return what it prints.

    Parameters
    ----------
    *words : str
        What follows ``kneerepro``.

    Raises
    ------
    UserError
        If the command fails.
    """
    print('kneerepro', *words)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = commands.main(list(words))
    if status:
        raise UserError(f'kneerepro {words[0]} ended with status {status}')
    return output.getvalue()


def draw_figures() -> None:
    """Draw the figures that show data and networks."""
    for number in *_PICTURES, *_DRAWINGS:
        name = 'figure' + number.replace('.', '_')
        call('figure', number)
        (path,) = glob.glob(f'runs/*/{name}.png')
        width = _PICTURES.get(number, 1000)
        measured_files.save_copy(path, name, number in _DRAWINGS, width)


def show_images() -> None:
    """Show what is printed about images, one of them damaged."""
    call('phantom', '--out', _IMAGES, *_PHANTOM)
    *_, last = sorted(glob.glob(f'{_IMAGES}/*/*/*/*'))
    os.remove(os.path.join(last, '080'))
    write_output('inspect', f'inspect {_IMAGES}')
    write_output('prepare', f'prepare {_IMAGES} --out {_DATASET}')


def write_output(name: str, command: str) -> None:
    """Write the text that a command prints, below the command itself."""
    printed = call(*command.split()).rstrip()
    lines = [f'$ kneerepro {command}', *printed.split('\n')]
    measured_files.write(
        name,
        '.. code-block:: text',
        '',
        *(f'    {line}'.rstrip() for line in lines),
        script='docs/command_pictures.py',
    )


def show_codes(run: str) -> None:
    """Show the beginning of a table of codes."""
    call('encode', run, _DATASET, '--out', 'codes.csv')
    with open('codes.csv', newline='', encoding='utf-8') as file:
        headings, *rows = first_cells(file)
    measured_files.write(
        'codes', *table(headings, rows), script='docs/command_pictures.py'
    )


def first_cells(lines: Iterator[str]) -> list[list[str]]:
    """The beginning of a table, shortened.

    Parameters
    ----------
    lines : iterator of str
        Of a file with comma-separated values.

    Returns
    -------
    list of list of str
        The headings and the first rows, of their first columns.
    """
    rows = [row for row, _ in zip(csv.reader(lines), range(1 + _ROWS))]
    return [
        [*(_shortened(cell) for cell in row[:_COLUMNS]), '…'] for row in rows
    ]


def _shortened(cell):
    with contextlib.suppress(ValueError):
        if '.' in cell:
            return f'{float(cell):.4f}'
    return cell if len(cell) <= _LONGEST else cell[:_LONGEST] + '…'


def show_runs(folders: list[str]) -> None:
    """Set runs side by side; show the top of the page as Chromium does."""
    chromium = shutil.which('chromium') or shutil.which('chromium-browser')
    if chromium is None:
        print('no Chromium: the picture of runs side by side stays')
        return
    # The page shows the paths by which the runs are named.
    names = [os.path.join('runs', os.path.basename(path)) for path in folders]
    for folder, name in zip(folders, names):
        os.symlink(folder, name)
    call('report', *names, '--out', 'page.html')
    subprocess.run(
        [
            chromium,
            '--headless',
            '--no-sandbox',  # which root cannot use
            '--disable-gpu',
            '--hide-scrollbars',
            '--virtual-time-budget=10000',  # ms, for the page's scripts
            f'--window-size={_WINDOW[0]},{_WINDOW[1]}',
            f'--screenshot={os.path.abspath("page.png")}',
            f'file://{os.path.abspath("page.html")}',
        ],
        check=True,
        capture_output=True,
    )
    measured_files.save_copy('page.png', 'side_by_side', True)


if __name__ == '__main__':
    cli.run(main)
