"""Measure how many series per minute data/prepare.py converts, compared with a
bare loop of ``pydicom.dcmread(path).pixel_array`` over the same files; and its
peak memory.

Unless --source is given, the series are synthetic, with 160 slices of
384 x 384 as in the OAI. All files are read once beforehand, so that the speed
of the disk does not matter.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import check_environment  # noqa: F401, says what to run
import pydicom

from kneerepro import command_line
from kneerepro.data.prepare import Settings, prepare
from kneerepro.data.reading.files import walk_files
from kneerepro.data.reading.selection import Selection
from kneerepro.phantom import write_patients
from kneerepro.utils import cli
from kneerepro.utils.workers import cores

_BARE, _ONE, _TWO = 'bare loop', '1 worker', '2 workers'


def time_bare_loop(source: str) -> float:
    """Seconds to read all images and do nothing with them."""
    start = time.perf_counter()
    for file in walk_files([source]):
        if pydicom.misc.is_dicom(file.path):
            _ = pydicom.dcmread(file.path).pixel_array  # decodes the image
    return time.perf_counter() - start


def time_prepare(source: str, folder: str, workers: int) -> tuple[float, int]:
    """Seconds to make the dataset, and the number of its series."""
    out = os.path.join(folder, 'knees.h5')
    start = time.perf_counter()
    summary = prepare(
        [source],
        out,
        Settings(key=b'benchmark' * 2, selection=Selection(None)),
        workers=workers,
        overwrite=True,
    )
    seconds = time.perf_counter() - start
    os.remove(out)
    return seconds, summary.converted


def peak_memory(source: str, folder: str, workers: int) -> float:
    """Peak memory of data/prepare.py and its workers together, in MiB."""
    script = os.path.join(
        os.path.dirname(os.path.abspath(__file__)),
        os.pardir,
        'data',
        'prepare.py',
    )
    process = subprocess.Popen(
        [
            sys.executable,
            script,
            source,
            '--any-series',
            '--out',
            os.path.join(folder, 'memory.h5'),
            '--key-file',
            os.path.join(folder, 'key'),
            '--workers',
            str(workers),
        ],
        stdout=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_resident_memory, _family(process.pid))))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError('data/prepare.py failed')
    return peak / 2**20


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as file:
            children = map(int, file.read().split())
    except OSError:
        return []
    return [pid] + [
        descendant for child in children for descendant in _family(child)
    ]


def _resident_memory(pid: int) -> int:
    """Resident memory of a process in bytes, 0 if it has ended."""
    try:
        with open(f'/proc/{pid}/statm') as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def main() -> None:
    """Measure, and print the rates and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--source', help='folder of DICOM series')
    command_line.add_count(
        parser, '--series', 32, 'number of synthetic series, without --source'
    )
    command_line.add_count(
        parser, '--rounds', 5, 'number of times that each is measured'
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = args.source or os.path.join(folder, 'dicom')
        if not args.source:
            write_patients(source, args.series, workers=cores())
        time_bare_loop(source)
        seconds = {_BARE: [], _ONE: [], _TWO: []}
        for _ in range(args.rounds):
            seconds[_BARE].append(time_bare_loop(source))
            for workers, name in (1, _ONE), (2, _TWO):
                spent, count = time_prepare(source, folder, workers)
                seconds[name].append(spent)
        print(f'{count} series, {args.rounds} rounds, {cores()} cores')
        print_rates(count, seconds)
        print(
            'peak memory with 2 workers, all processes together: '
            f'{peak_memory(source, folder, 2):.0f} MiB'
        )


def print_rates(count: int, seconds: dict[str, list[float]]) -> None:
    """Print series per minute and the speed-ups.

    Parameters
    ----------
    count : int
        The number of series.
    seconds : dict of str to list of float
        The time of each round.
    """
    for name, values in seconds.items():
        print(
            f'{name:9}  {60 * count / statistics.median(values):6.0f} '
            'series a minute (median; '
            f'{60 * count / max(values):.0f} to '
            f'{60 * count / min(values):.0f})'
        )

    def ratio(first, second):
        # Each ratio is of two times measured directly after each other.
        return statistics.median(
            a / b for a, b in zip(seconds[first], seconds[second])
        )

    print(
        f"1 worker: {ratio(_BARE, _ONE):.2f} times the bare loop's speed; "
        f'2 workers: {ratio(_ONE, _TWO):.2f} times that of 1'
    )


if __name__ == '__main__':
    cli.run(main)
