"""The parts of gpu_check.py, functions by their names. Each returns what it
found, a list of dict that JSON can hold.
"""

import importlib.util
import itertools
import os
import platform
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from children import ROOT, cores_each, run_child
from engine_tests import run_tests
from steps import BATCH_SIZES, NETWORKS, THESIS
from turns import take_turns, with_flag

from kneerepro import engines
from kneerepro.runs import environment
from kneerepro.utils.errors import UserError

Settings = namedtuple('Settings', 'device small whole steps seconds')
Settings.__doc__ = """What the parts are told.

Attributes
----------
device : {'cuda', 'cpu'}
small : bool
    Whether to do as little as shows that it works.
whole : list of str
    Networks to train as long as the thesis.
steps : int
    Of the table.
seconds : float
    That a part may take.
"""

PRECISIONS = 'float64', 'float32'
# The difference between TF32 and float32 is not what is looked for.
_WITHOUT_TF32 = {'THEANO_TORCH_TF32': '0'}


def machine(device):
    """What a part runs on."""
    return {
        'machine': str(engines.Engine('torch', device)),
        'host': f'{environment.processor()}, {environment.cores()} cores; '
        f'Python {platform.python_version()}, NumPy '
        f'{np.__version__}'
        + (
            f', CUDA {torch.version.cuda}, cuDNN '
            f'{torch.backends.cudnn.version()}'
            if device == 'cuda'
            else ''
        ),
        'revision': environment.describe(engines.Engine('torch', device))[
            'revision'
        ]
        or 'unknown',
        'time': time.strftime('%Y-%m-%d %H:%M %z'),
    }


def equality(settings):
    """Each network in each precision, on the device, with CUDA graphs and
    without, and on the CPU; in float32, without TF32.
    """
    end = time.monotonic() + settings.seconds
    cases = list(itertools.product(THESIS, PRECISIONS, (True, False)))
    if settings.small:
        cases = [('cae2d', 'float32', False)]
    workers, threads = cores_each(len(cases))

    def compare(case):
        network, precision, graphs = case
        found = run_child(
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
        if isinstance(found, list):
            (found,) = found
        return {
            'network': network,
            'dtype': precision,
            'graphs': graphs,
            **found,
        }

    with ThreadPoolExecutor(workers) as executor:
        return list(executor.map(compare, cases))


def tests(settings):
    """The modules of tests of the engine."""
    return run_tests(
        settings.device,
        settings.seconds,
        ['tests.engine.test_graph'] if settings.small else None,
        **_WITHOUT_TF32,
    )


def table(settings):
    """Rows of :func:`turns.take_turns`, engine beside PyTorch alone, or for
    a network an error.
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
                raise UserError('the time was over before its turn')
            rows += take_turns(
                [{**case, 'engine': engine} for engine in ('torch', 'native')],
                settings.steps,
                end,
            )
        except UserError as error:
            rows.append({'network': network, 'error': str(error)})
    return rows


def run(settings):
    """How long the trainings take, one after the other."""
    end = time.monotonic() + settings.seconds
    networks = ('cae2d', 'dcgan') if settings.small else THESIS
    if importlib.util.find_spec('tqdm') is None:  # shows their progress
        return [{'network': network, 'lacks': 'tqdm'} for network in networks]
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
        found.append(
            {
                'network': network,
                **run_child(
                    [
                        os.path.join(ROOT, 'benchmarks', 'thesis_run.py'),
                        network,
                        *options,
                        '--json',
                    ],
                    end - time.monotonic(),
                ),
            }
        )
    return found
