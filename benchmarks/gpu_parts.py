"""The parts of gpu_check.py.

Each part is a function of its name. It returns its results, a list of dict
that JSON can store.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from engine_tests import run_tests
from interleaved import time_interleaved, with_flag
from network_sizes import BATCH_SIZES, NETWORKS, THESIS
from processes import ROOT, run_for_json, split_cores

from kneerepro import engines
from kneerepro.runs import environment
from kneerepro.utils.errors import UserError


@dataclass(frozen=True)
class Settings:
    """Settings of the parts.

    Attributes
    ----------
    device : {'cuda', 'cpu'}
    small : bool
        Whether to do only what shows that a part works.
    whole : list of str
        Networks to train as long as the thesis.
    steps : int
        Number of steps in the table.
    seconds : float
        Time limit of each part.
    """

    device: str
    small: bool
    whole: list[str]
    steps: int
    seconds: float


PRECISIONS = 'float64', 'float32'
# The checks look for errors of the engine, not for the difference between
# TF32 and float32.
_WITHOUT_TF32 = {'THEANO_TORCH_TF32': '0'}


def machine(device: str) -> dict[str, str]:
    """Describe what a part runs on."""
    host = (
        f'{environment.processor()}, {environment.cores()} cores; '
        f'Python {platform.python_version()}, NumPy {np.__version__}'
    )
    if device == 'cuda':
        host += (
            f', CUDA {torch.version.cuda}, cuDNN '
            f'{torch.backends.cudnn.version()}'
        )
    return {
        'machine': str(engines.Engine('torch', device)),
        'host': host,
        'revision': environment.revision() or 'unknown',
        'time': time.strftime('%Y-%m-%d %H:%M %z'),
    }


def equality(settings: Settings) -> list[dict[str, Any]]:
    """Compare trainings on the device with trainings on the CPU.

    There is one for each network and precision, with and without CUDA graphs.
    TF32 is off.
    """
    end = time.monotonic() + settings.seconds
    cases = list(itertools.product(THESIS, PRECISIONS, (True, False)))
    if settings.small:
        cases = [('cae2d', 'float32', False)]
    workers, threads = split_cores(len(cases))

    def compare(case):
        network, precision, graphs = case
        result = run_for_json(
            [
                '-m',
                'tests.engine.training',
                network,
                '--device',
                settings.device,
                '--against',
                'cpu',
                '--precision',
                precision,
                '--iterations',
                '2' if settings.small else '20',
                '--json',
            ],
            end - time.monotonic(),
            threads,
            **_WITHOUT_TF32,
            THEANO_TORCH_CUDA_GRAPHS=str(int(graphs)),
            THEANO_FLAGS=with_flag(f'floatX={precision}'),
        )
        if isinstance(result, list):
            (result,) = result
        return {
            'network': network,
            'dtype': precision,
            'graphs': graphs,
            **result,
        }

    with ThreadPoolExecutor(workers) as executor:
        return list(executor.map(compare, cases))


def tests(settings: Settings) -> list[dict[str, Any]]:
    """Run the engine's test modules."""
    return run_tests(
        settings.device,
        settings.seconds,
        ['tests.engine.kernels.test_graph'] if settings.small else None,
        **_WITHOUT_TF32,
    )


def table(settings: Settings) -> list[dict[str, Any]]:
    """Time steps on the engine and in PyTorch alone.

    Returns
    -------
    list of dict
        Rows of :func:`interleaved.time_interleaved`. A network that could not
        be timed has an ``error`` instead.
    """
    end = time.monotonic() + settings.seconds
    rows = []
    for network in ('cae2d',) if settings.small else NETWORKS:
        case = {
            'network': network,
            'batch_size': BATCH_SIZES[network],
            'device': settings.device,
        }
        if settings.small:
            case.update(batch_size=2, width=1 / 16)
        try:
            if time.monotonic() > end:
                raise UserError('the time limit was reached before it began')
            rows += time_interleaved(
                [{**case, 'engine': engine} for engine in ('torch', 'native')],
                settings.steps,
                end,
            )
        except UserError as error:
            rows.append({'network': network, 'error': str(error)})
    return rows


def run(settings: Settings) -> list[dict[str, Any]]:
    """Time the trainings, one after the other."""
    end = time.monotonic() + settings.seconds
    networks = ('cae2d', 'dcgan') if settings.small else THESIS
    # A training shows its progress with tqdm, and views of datasets need h5py.
    for package in 'tqdm', 'h5py':
        if importlib.util.find_spec(package) is None:
            return [
                {'network': network, 'lacks': package} for network in networks
            ]
    found = []
    for network in networks:
        options = [
            '--preset',
            'smoke' if settings.small else 'thesis',
            '--device',
            settings.device,
        ]
        if network in settings.whole:
            options.append('--whole')
        script = os.path.join(ROOT, 'benchmarks', 'thesis_run.py')
        result = run_for_json(
            [script, network, *options, '--json'], end - time.monotonic()
        )
        found.append({'network': network, **result})
    return found
