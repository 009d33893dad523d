"""What the documentation publishes of trainings on several processes, from the
files of benchmarks/distributed_overhead.py and distributed_cost.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kneerepro.registry import EXPERIMENTS
from kneerepro.utils.rst import escaped, table


def overhead(measured: dict[str, Any]) -> Iterator[str]:
    """Yield the times of two processes beside those of one.

    Parameters
    ----------
    measured : dict
        From benchmarks/distributed_overhead.py.
    """
    for line in measured['machine'].splitlines():
        yield f'| {escaped(line)}'
    yield ''
    yield from table(
        [
            'network',
            'batch',
            '1 process, 2 threads',
            '2 processes, 1 thread each',
            'ratio',
            'calls',
            'MiB summed',
            'peak memory of 1',
            'of each of 2',
        ],
        map(_overhead_row, measured['rows']),
    )


def _overhead_row(row):
    one, two = row['1'], row['2']
    medians = [np.median(side['steps']) for side in (one, two)]
    return [
        EXPERIMENTS[row['network']].title,
        row['batch_size'],
        *(
            f'{median:.3g} s ({min(side["steps"]):.3g} to '
            f'{max(side["steps"]):.3g})'
            for median, side in zip(medians, (one, two))
        ),
        f'{medians[1] / medians[0]:.2f}',
        row['calls'],
        f'{row["bytes"] / 2**20:.1f}',
        *(f'{side["memory"] / 2**30:.2f} GiB' for side in (one, two)),
    ]


def counts(measured: dict[str, Any]) -> Iterator[str]:
    """Yield what the steps compute and send.

    Parameters
    ----------
    measured : dict
        From benchmarks/distributed_cost.py.
    """
    yield from table(
        [
            'step',
            'gradients, MiB',
            'summed, MiB',
            'calls: waited for + last',
            'GFLOP for an example',
            'operations',
        ],
        [
            [
                ', '.join(
                    filter(
                        None,
                        [EXPERIMENTS[row['network']].title, row['trained']],
                    )
                ),
                f'{row["least"] / 2**20:.2f}',
                f'{row["sent"] / 2**20:.2f}',
                f'{row["waited"]} + {row["last"]}',
                f'{row["flops"] / 1e9:.2f}',
                row['operations'],
            ]
            for row in measured['counted']
        ],
    )


def cost(measured: dict[str, Any]) -> Iterator[str]:
    """Yield how long steps take on several GPUs, on paper.

    Parameters
    ----------
    measured : dict
        From benchmarks/distributed_cost.py.
    """
    columns = ['step, ms', 'waiting', 'efficiency']
    yield from table(
        [
            'network',
            'GPUs',
            *columns,
            *(f'P times: {column}' for column in columns),
            'noticed up to',
        ],
        [
            [
                EXPERIMENTS[row['network']].title,
                row['gpus'],
                *_estimated_cells(row.get('divided')),
                *_estimated_cells(row.get('multiplied')),
                row.get('noticed up to', '-'),
            ]
            for row in measured['estimated']
        ],
    )


def _estimated_cells(found):
    if found is None:
        return ['-'] * 3
    return [
        f'{1e3 * found["seconds"]:.1f}',
        f'{found["waiting"]:.0%}',
        f'{found["efficiency"]:.0%}',
    ]
