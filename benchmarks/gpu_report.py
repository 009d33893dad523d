"""The report of gpu_check.py: what passed, and the results of each part."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kneerepro.utils.rst import escaped, table

PARTS = 'equality', 'tests', 'table', 'run'

#: A step may take up to these multiples of PyTorch's own time and memory.
MAX_TIME, MAX_MEMORY = 1.0, 1.1
#: Seconds within which the 2D autoencoder, and all four networks, are trained.
MAX_CAE2D_SECONDS, MAX_CHAPTER_SECONDS = 180.0, 1200.0
#: Largest relative difference of parameters and outputs in float64.
MAX_DIFFERENCE = 1e-9

Results = list[dict[str, Any]]


@dataclass(frozen=True)
class Check:
    """A requirement, and whether it is met.

    Attributes
    ----------
    what : str
        What was checked.
    limit : str
        What is required.
    found : str
        What was measured, or why nothing was.
    passed : bool or None
        None if nothing could be measured.
    """

    what: str
    limit: str
    found: str
    passed: bool | None


def checks(found: dict[str, dict[str, Any]]) -> list[Check]:
    """Evaluate the checks of the parts that have run.

    Parameters
    ----------
    found : dict of str to dict
        What gpu_check.py writes: for each part its ``results``, and the
        machine and the time at which they were measured.
    """
    return [
        check
        for part in PARTS
        if part in found
        for check in _CHECKS[part](found[part]['results'])
    ]


def passed(found: dict[str, dict[str, Any]]) -> bool:
    """Whether no check failed. An open check has not failed."""
    return all(check.passed is not False for check in checks(found))


def summary(found: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each check."""
    return [
        f'{_verdict(check)}  {check.what}: {check.found} ({check.limit})'
        for check in checks(found)
    ]


def report(found: dict[str, dict[str, Any]]) -> str:
    """The full report, as reStructuredText."""
    lines = ['The engine on a GPU', '===================', '']
    lines += table(
        ['', 'check', 'limit', 'found'],
        [
            (_verdict(check), check.what, check.limit, check.found)
            for check in checks(found)
        ],
    )
    for part in PARTS:
        if part not in found:
            lines += [f'Not run: {part}.', '']
    for part in PARTS:
        if part in found:
            lines += [
                _TITLES[part],
                '-' * len(_TITLES[part]),
                '',
                '{machine}; {host}; revision {revision}; {time}, '
                '{seconds:.0f} s.'.format(**found[part]),
                '',
                *_DETAILS[part](found[part]['results']),
            ]
    return '\n'.join(lines) + '\n'


def _verdict(check):
    return {True: 'pass', False: 'FAIL', None: 'open'}[check.passed]


# -------------------------------------------------------------------- equality


def _equality_checks(results: Results) -> Iterator[Check]:
    for result in results:
        what = (
            f'{result["network"]} in {result["dtype"]}, {_graphs(result)} '
            'CUDA graphs, equals the CPU'
        )
        if 'error' in result:
            yield Check(
                what=what, limit='runs', found=result['error'], passed=False
            )
            continue
        agrees, limit = result['agrees'], 'losses within 1e-4'
        if result['dtype'] == 'float64':
            difference = max(result['parameters'], result['outputs'])
            agrees = agrees and difference <= MAX_DIFFERENCE
            limit = (
                f'losses, outputs and parameters within {MAX_DIFFERENCE:.0e}'
            )
        yield Check(
            what=what,
            limit=limit,
            found='losses differ by {steps:.1e} from the same states and by '
            '{losses:.1e} from the same seed, parameters by '
            '{parameters:.1e}'.format(**result),
            passed=agrees,
        )


def _graphs(result):
    return 'with' if result['graphs'] else 'without'


def _equality_details(results: Results) -> Iterator[str]:
    yield from [
        'Greatest differences from the CPU, relative to the greatest value. '
        '"Steps" are losses when each step starts from the state that the '
        'CPU has. Losses, outputs and parameters are those of trainings from '
        'the same seed. In float32, trainings of a GAN may diverge after a '
        'rounding error changes a sign, so only the first column counts '
        'there. "Jumps" counts the steps whose losses the CPU reproduces '
        'when each pixel is rounded differently.',
        '',
    ]
    names = 'losses', 'outputs', 'parameters'
    yield from table(
        ['network', 'precision', 'CUDA graphs', 'steps', 'jumps', *names],
        [
            (
                result['network'],
                result['dtype'],
                _graphs(result),
                f'{result["steps"]:.1e}',
                result['jumps'],
                *(f'{result[name]:.1e}' for name in names),
            )
            for result in results
            if 'error' not in result
        ],
    )


# ----------------------------------------------------------------------- tests


def _tests_checks(results: Results) -> Iterator[Check]:
    failed = [name for module in results for name in module.get('failed', [])]
    crashed = [module['name'] for module in results if 'error' in module]
    ran = sum(module.get('ran', 0) for module in results)
    skipped = sum(
        sum(module.get('skipped', {}).values()) for module in results
    )
    yield Check(
        what="the engine's tests",
        limit='none fails',
        found=f'{ran} ran, {skipped} were skipped, {len(failed)} failed, '
        f'{len(crashed)} of {len(results)} modules crashed',
        passed=not failed and not crashed and ran > 0,
    )
    lacking = collections.defaultdict(list)
    for module in results:
        if 'lacks' in module:
            lacking[module['lacks']].append(module['name'])
    for package, names in sorted(lacking.items()):
        yield Check(
            what=f'tests that require {package}',
            limit=f'{package} is installed',
            found=f'skipped: {", ".join(names)}',
            passed=None,
        )


def _tests_details(results: Results) -> Iterator[str]:
    reasons: collections.Counter[str] = collections.Counter()
    for module in results:
        if 'error' in module:
            yield from [
                f'{escaped(module["name"])} crashed::',
                '',
                *(f'    {line}' for line in module['error'].splitlines()),
                '',
            ]
        for name in module.get('failed', []):
            yield f'* failed: {escaped(name)}'
        reasons.update(module.get('skipped', {}))
    if reasons:
        yield ''
        yield from table(
            ['skipped', 'because'],
            [(count, reason) for reason, count in reasons.most_common()],
        )


# ----------------------------------------------------------------------- table


def _table_checks(results: Results) -> Iterator[Check]:
    by_network = collections.defaultdict(dict)
    for row in results:
        by_network[row['network']][row.get('engine', 'error')] = row
    for network, rows in by_network.items():
        if 'error' in rows:
            yield Check(
                what=f'{network}: a step',
                limit=f'at most {MAX_TIME} x native',
                found=rows['error']['error'],
                passed=False,
            )
            continue
        engine, native = rows['torch'], rows['native']
        times = np.median(engine['steps']) / np.median(native['steps'])
        memory = engine['memory'] / native['memory']
        for what, limit, ratio in (
            ('time', MAX_TIME, times),
            ('memory', MAX_MEMORY, memory),
        ):
            yield Check(
                what=f'{network}: {what} of a step',
                limit=f'at most {limit} x native',
                found=f'{ratio:.2f} x native',
                passed=bool(ratio <= limit),
            )


def _table_details(results: Results) -> Iterator[str]:
    yield from [
        'Medians of steps. The two implementations alternate, each in its '
        'own process. Memory is the peak of what PyTorch had allocated on '
        'the GPU.',
        '',
    ]
    rows = []
    for row in results:
        if 'error' in row:
            continue
        milliseconds = 1e3 * np.array(row['steps'])
        rows.append(
            (
                row['network'],
                row['batch_size'],
                row['engine'],
                f'{row["compiling"]:.1f} s',
                f'{np.median(milliseconds):.3g} ms',
                f'{milliseconds.min():.3g} to {milliseconds.max():.3g} '
                f'({len(milliseconds)})',
                f'{row["memory"]:.3f} GiB',
            )
        )
    yield from table(
        [
            'network',
            'batch',
            'engine',
            'compile',
            'a step',
            'least to greatest (of)',
            'peak memory',
        ],
        rows,
    )


# ------------------------------------------------------------------------- run


def _run_checks(results: Results) -> Iterator[Check]:
    for result in results:
        what = f'{result["network"]}: a whole run'
        if 'error' in result:
            yield Check(
                what=what, limit='runs', found=result['error'], passed=False
            )
        elif 'lacks' in result:
            yield Check(
                what=what,
                limit=f'{result["lacks"]} is installed',
                found='skipped',
                passed=None,
            )
    seconds = {
        result['network']: result['seconds']
        for result in results
        if 'seconds' in result
    }
    if 'cae2d' in seconds:
        yield Check(
            what='cae2d: a whole run',
            limit=f'under {MAX_CAE2D_SECONDS:.0f} s',
            found=f'{seconds["cae2d"]:.0f} s',
            passed=seconds['cae2d'] < MAX_CAE2D_SECONDS,
        )
    found, in_time = f'{len(seconds)} of them were timed', None
    if len(seconds) == 4:
        chapter = sum(seconds.values())
        found, in_time = f'{chapter:.0f} s', chapter < MAX_CHAPTER_SECONDS
    yield Check(
        what='chapter 3: all four runs',
        limit=f'under {MAX_CHAPTER_SECONDS:.0f} s',
        found=found,
        passed=in_time,
    )


def _run_details(results: Results) -> Iterator[str]:
    yield from [
        'A run consists of compilation, all iterations with their logged '
        'losses, the test set after each epoch, and checkpoints. The images '
        'are noise, and no figures are drawn.',
        '',
    ]
    rows = []
    for result in results:
        if 'seconds' not in result:
            continue
        epochs = f'{len(result["epochs"])} epochs'
        rows.append(
            (
                result['network'],
                f'{result["compiling"]:.1f} s',
                f'{result["iterations"]:,}',
                f'{result["seconds"]:.0f} s',
                'the whole' if result['whole'] else epochs,
            )
        )
    yield from table(
        ['network', 'compile', 'iterations', 'a run', 'from'], rows
    )


_TITLES = {
    'equality': 'Equality with the CPU',
    'tests': 'Tests',
    'table': 'A training step compared with PyTorch alone',
    'run': "The thesis's trainings",
}
_CHECKS = {
    'equality': _equality_checks,
    'tests': _tests_checks,
    'table': _table_checks,
    'run': _run_checks,
}
_DETAILS = {
    'equality': _equality_details,
    'tests': _tests_details,
    'table': _table_details,
    'run': _run_details,
}
