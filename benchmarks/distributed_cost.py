"""Estimate, on paper, how the networks train on several GPUs.

What a training step computes and sends is counted (distributed_counts.py).
Published rates of a GPU and of its links then give times. Nothing here is
measured on a GPU. docs/publish.py --distributed-cost FILE writes the tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
from distributed_counts import Counts, count
from interleaved import machine
from network_sizes import BATCH_SIZES, THESIS

from kneerepro import command_line
from kneerepro.runs import environment
from kneerepro.utils import cli

#: NVIDIA A100 SXM 80 GB: FLOP/s in TensorFloat-32, and bytes/s of its memory.
#: Data sheet: https://www.nvidia.com/en-us/data-center/a100/
PEAK, MEMORY = 156e12, 2039e9
#: The shares of these that operations are assumed to reach.
PEAK_SHARE, MEMORY_SHARE = 0.3, 0.7
#: Seconds that an operation is assumed to take at least.
SHORTEST = 4e-6
#: The share of a step's computing, from its end, beside which gradients are
#: sent: backward passes compute twice as much as forward passes.
OVERLAP = 2 / 3
#: A share of a step from which on waiting is noticed.
NOTICED = 0.25
GPUS = 1, 8, 64
_ON_A_MACHINE = 8


@dataclass(frozen=True)
class Link:
    """What sums over all GPUs go through.

    Attributes
    ----------
    bandwidth : float
        Bytes that each GPU sends in a second.
    latency : float
        Seconds of the smallest sum.
    """

    bandwidth: float
    latency: float


#: The share of a link's bandwidth that sums are assumed to reach.
LINK_SHARE = 0.75
#: Third-generation NVLink, 600 GB/s of each GPU in both directions together.
#: The latency is an assumption.
NVLINK = Link(LINK_SHARE * 300e9, 20e-6)
#: Eight HDR InfiniBand adapters of 200 Gbit/s in each machine of eight GPUs
#: (DGX A100), which all rings that NCCL lays through the machines use
#: together. The latency is an assumption.
INFINIBAND = Link(LINK_SHARE * 8 * 25e9, 50e-6)


@dataclass(frozen=True)
class Estimate:
    """Seconds of a step: computing, and waiting for sums."""

    computing: float
    waiting: float

    @property
    def seconds(self) -> float:
        """Seconds of the whole step."""
        return self.computing + self.waiting


def estimate(step: list[Counts], examples: float, gpus: int) -> Estimate:
    """Estimate the time of a step, the sum over its functions.

    Parameters
    ----------
    step : list of Counts
        Of the functions that make a step.
    examples : float
        On each GPU.
    gpus : int

    Returns
    -------
    Estimate
    """
    computing = waiting = 0.0
    for counts in step:
        flops, moved = counts.of_examples(examples)
        alone = np.maximum.reduce(
            [
                flops / (PEAK_SHARE * PEAK),
                moved / (MEMORY_SHARE * MEMORY),
                np.full(len(flops), SHORTEST),
            ]
        ).sum()
        computing += alone
        if gpus > 1:
            waiting += sum(_seconds(size, gpus) for size in counts.waited)
            last = [_seconds(size, gpus) for size in counts.last]
            # Nothing is left to be computed beside the very last.
            waiting += max(last[-1], sum(last) - OVERLAP * alone)
    return Estimate(float(computing), float(waiting))


def _seconds(size: float, gpus: int) -> float:
    """Seconds of a sum of so many bytes."""
    link = NVLINK if gpus <= _ON_A_MACHINE else INFINIBAND
    # In a ring, each GPU sends and receives nearly everything twice.
    return link.latency + 2 * (gpus - 1) / gpus * size / link.bandwidth


def noticed_up_to(step: list[Counts], gpus: int, most: int) -> int:
    """The largest number of examples on each GPU, up to `most`, at which the
    share of a step that is spent on waiting is above `NOTICED`; 0 if there is
    none.
    """
    for examples in range(most, 0, -1):
        found = estimate(step, examples, gpus)
        if found.waiting > NOTICED * found.seconds:
            return examples
    return 0


def counted_rows(network: str, step: list[Counts]) -> Iterator[dict[str, Any]]:
    """Yield a row for each function of a step."""
    for counts in step:
        flops, _ = counts.of_examples(1)
        yield {
            'network': network,
            'trained': counts.name,
            'least': counts.least,
            'sent': sum(counts.waited) + sum(counts.last),
            'waited': len(counts.waited),
            'last': len(counts.last),
            'flops': float(flops.sum()),
            'operations': len(flops),
        }


def estimated_rows(
    network: str, step: list[Counts]
) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of GPUs."""
    batch_size = BATCH_SIZES[network]
    alone = estimate(step, batch_size, 1).seconds
    for gpus in GPUS:
        row: dict[str, Any] = {'network': network, 'gpus': gpus}
        for name, examples in [
            ('divided', batch_size / gpus),
            ('multiplied', batch_size),
        ]:
            if examples >= 1:
                found = estimate(step, examples, gpus)
                # One GPU takes so long for as many examples.
                as_many = alone * examples * gpus / batch_size
                row[name] = {
                    'seconds': found.seconds,
                    'waiting': found.waiting / found.seconds,
                    'efficiency': as_many / (gpus * found.seconds),
                }
        if gpus > 1:
            row['noticed up to'] = noticed_up_to(step, gpus, 4 * batch_size)
        yield row


def main() -> None:
    """Count, estimate, and write the rows."""
    parser = command_line.Parser(__doc__)
    parser.add_argument(
        'networks', nargs='*', type=cli.one_of(THESIS), metavar='NETWORK'
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        default='distributed_cost.json',
        help='file to write (default: distributed_cost.json)',
    )
    args = parser.parse_args()
    content: dict[str, Any] = {
        'revision': environment.revision(),
        'machine': machine('cpu'),
        'counted': [],
        'estimated': [],
    }
    for network in args.networks or THESIS:
        step = count(network)
        content['counted'] += counted_rows(network, step)
        content['estimated'] += estimated_rows(network, step)
        print('counted', network, flush=True)
    with open(args.json, 'w', encoding='utf-8') as file:
        json.dump(content, file, indent=1)
    print('wrote', args.json)


if __name__ == '__main__':
    cli.run(main)
