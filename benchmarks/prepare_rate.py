"""Series per minute of data/prepare.py, beside a bare loop of
``pydicom.dcmread(path).pixel_array`` over the same files; and peak memory.

The series are synthetic, of 160 slices of 384 x 384 as the OAI's, unless
others are given. All are read once before, so that disks do not count.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import pydicom

from kneerepro.data.convert import Options
from kneerepro.data.prepare import prepare
from kneerepro.data.reading.scan import files_of
from kneerepro.data.reading.selection import Selection
from kneerepro.phantom import write_patients
from kneerepro.utils import cli


def bare_loop(source):
    """Seconds to read all images and do nothing with them."""
    start = time.perf_counter()
    for path, *_ in files_of([source]):
        if pydicom.misc.is_dicom(path):
            pydicom.dcmread(path).pixel_array
    return time.perf_counter() - start


def prepared(source, folder, workers):
    """Seconds to make the dataset, and the number of its series."""
    out = os.path.join(folder, 'knees.h5')
    start = time.perf_counter()
    summary = prepare(
        [source],
        out,
        Options(),
        selection=Selection(None),
        key=b'benchmark' * 2,
        workers=workers,
        overwrite=True,
    )
    seconds = time.perf_counter() - start
    os.remove(out)
    return seconds, summary.converted


def peak_memory(source, folder, workers):
    """MiB of all processes together, by a process of their own."""
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
        peak = max(peak, sum(map(_resident, _family(process.pid))))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError('data/prepare.py failed')
    return peak / 2**20


def _family(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as file:
            return [pid] + [
                grandchild
                for child in file.read().split()
                for grandchild in _family(int(child))
            ]
    except OSError:
        return []


def _resident(pid):
    try:
        with open(f'/proc/{pid}/statm') as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--source', help='folder of DICOM series')
    parser.add_argument(
        '--series',
        type=cli.positive_int,
        default=32,
        help='synthetic ones, without --source (default: 32)',
    )
    parser.add_argument('--rounds', type=cli.positive_int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = args.source or os.path.join(folder, 'dicom')
        if not args.source:
            write_patients(source, args.series)
        bare_loop(source)
        seconds = {'bare loop': [], '1 worker': [], '2 workers': []}
        for _ in range(args.rounds):
            seconds['bare loop'].append(bare_loop(source))
            for workers, name in (1, '1 worker'), (2, '2 workers'):
                spent, count = prepared(source, folder, workers)
                seconds[name].append(spent)
        print(f'{count} series, {args.rounds} rounds, {os.cpu_count()} cores')
        for name, values in seconds.items():
            print(
                f'{name:9}  {60 * count / statistics.median(values):6.0f} '
                'series a minute (median; '
                f'{60 * count / max(values):.0f} to '
                f'{60 * count / min(values):.0f})'
            )

        def ratio(first, second):
            # Of times taken one right after the other.
            return statistics.median(
                a / b for a, b in zip(seconds[first], seconds[second])
            )

        print(
            f'1 worker: {ratio("bare loop", "1 worker"):.2f} times the bare '
            f"loop's speed; 2 workers: {ratio('1 worker', '2 workers'):.2f}"
            ' times that of 1'
        )
        print(
            f'peak memory with 2 workers, all processes together: '
            f'{peak_memory(source, folder, 2):.0f} MiB'
        )


if __name__ == '__main__':
    cli.run(main)
