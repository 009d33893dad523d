"""What gpu_check.py says of what its parts have found."""

import collections
from collections import namedtuple

import numpy as np

from kneerepro.utils.rst import escaped, table

PARTS = 'equality', 'tests', 'table', 'run'

#: The most that may be.
STEP, MEMORY = 1.0, 1.1  # times what PyTorch alone takes
CAE2D, CHAPTER = 180.0, 1200.0  # seconds
STATE = 1e-9  # relative, of parameters and outputs in float64

Check = namedtuple('Check', 'what limit found passed')
Check.__doc__ = """Something that was to be so.

Attributes
----------
what, limit, found : str
passed : bool or None
    None where it could not be found out.
"""


def checks(found):
    """All checks of the parts that have been run.

    Parameters
    ----------
    found : dict of str to dict
        What gpu_check.py writes: by part, ``results`` and where they are
        from.

    Returns
    -------
    list of Check
    """
    return [
        check
        for part in PARTS
        if part in found
        for check in _CHECKS[part](found[part]['results'])
    ]


def passed(found):
    """Whether nothing failed; what was left open did not."""
    return all(check.passed is not False for check in checks(found))


def summary(found):
    """A line for each check."""
    return [
        f'{_verdict(check)}  {check.what}: {check.found} ({check.limit})'
        for check in checks(found)
    ]


def report(found):
    """The whole, as reStructuredText."""
    lines = ['The engine on a GPU', '===================', '']
    lines += table(
        ['', 'what', 'limit', 'found'],
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
            about = found[part]
            lines += [
                _TITLES[part],
                '-' * len(_TITLES[part]),
                '',
                '{machine}; {host}; revision {revision}; {time}, '
                '{seconds:.0f} s.'.format(**about),
                '',
                *_DETAILS[part](about['results']),
            ]
    return '\n'.join(lines) + '\n'


def _verdict(check):
    return {True: 'pass', False: 'FAIL', None: 'open'}[check.passed]


# -------------------------------------------------------------------- equality


def _equality_checks(results):
    for one in results:
        what = (
            f'{one["network"]} in {one["dtype"]}, {_graphs(one)} CUDA '
            'graphs, as on the CPU'
        )
        if 'error' in one:
            yield Check(what, 'runs', one['error'], False)
            continue
        text = (
            '{steps:.1e} from the same states, {losses:.1e} from the same '
            'seed, parameters {parameters:.1e}'.format(**one)
        )
        agrees, limit = one['agrees'], 'losses within 1e-4'
        if one['dtype'] == 'float64':
            agrees = agrees and max(one['parameters'], one['outputs']) <= STATE
            limit = f'losses, outputs and parameters within {STATE:.0e}'
        yield Check(what, limit, text, agrees)


def _graphs(one):
    return 'with' if one['graphs'] else 'without'


def _equality_details(results):
    yield from [
        'The greatest differences, relative to the greatest value: of '
        'the losses if each step begins with the state that the CPU '
        'has; and of losses, outputs and parameters at the end of '
        'trainings from the same seed. In float32, a GAN may part '
        'from itself when a rounding error turns a sign, so that '
        'there the first column counts. Jumps are losses of its '
        'steps that the CPU finds where each pixel has another '
        'rounding.',
        '',
    ]
    names = 'losses', 'outputs', 'parameters'
    yield from table(
        ['network', 'precision', 'CUDA graphs', 'steps', 'jumps', *names],
        [
            (
                one['network'],
                one['dtype'],
                _graphs(one),
                f'{one["steps"]:.1e}',
                one['jumps'],
                *(f'{one[name]:.1e}' for name in names),
            )
            for one in results
            if 'error' not in one
        ],
    )


# ----------------------------------------------------------------------- tests


def _tests_checks(results):
    failed = [name for one in results for name in one.get('failed', [])]
    broken = [one['name'] for one in results if 'error' in one]
    ran = sum(one.get('ran', 0) for one in results)
    skipped = sum(sum(one.get('skipped', {}).values()) for one in results)
    yield Check(
        "the engine's tests",
        'none fails',
        f'{ran} ran, {skipped} skipped themselves, {len(failed)} '
        f'failed, {len(broken)} of {len(results)} modules broke off',
        not (failed or broken) and ran > 0,
    )
    for package, names in sorted(_lacking(results).items()):
        yield Check(
            f'tests for which {package} is needed',
            f'{package} is installed',
            f'left out: {", ".join(names)}',
            None,
        )


def _lacking(results):
    lacking = collections.defaultdict(list)
    for one in results:
        if 'lacks' in one:
            lacking[one['lacks']].append(one['name'])
    return lacking


def _tests_details(results):
    for one in results:
        if 'error' in one:
            yield from [
                f'{escaped(one["name"])} broke off::',
                '',
                *(f'    {line}' for line in one['error'].splitlines()),
                '',
            ]
        for name in one.get('failed', []):
            yield f'* failed: {escaped(name)}'
    reasons = collections.Counter()
    for one in results:
        reasons.update(one.get('skipped', {}))
    if reasons:
        yield ''
        yield from table(
            ['skipped', 'because'],
            [(count, reason) for reason, count in reasons.most_common()],
        )


# ----------------------------------------------------------------------- table


def _by_network(results):
    rows = collections.defaultdict(dict)
    for row in results:
        rows[row['network']][row.get('engine', 'error')] = row
    return rows


def _table_checks(results):
    for network, rows in _by_network(results).items():
        if 'error' in rows:
            yield Check(
                f'{network}: a step',
                f'at most {STEP} x native',
                rows['error']['error'],
                False,
            )
            continue
        ours, native = rows['torch'], rows['native']
        for what, limit, ratio in (
            (
                'time',
                STEP,
                np.median(ours['steps']) / np.median(native['steps']),
            ),
            ('memory', MEMORY, ours['memory'] / native['memory']),
        ):
            yield Check(
                f'{network}: {what} of a step',
                f'at most {limit} x native',
                f'{ratio:.2f} x native',
                bool(ratio <= limit),
            )


def _table_details(results):
    yield from [
        'Medians of steps, each engine in a process of its own, '
        'taking turns; memory is what PyTorch has allocated on the '
        'GPU at most.',
        '',
    ]
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
        [
            (
                row['network'],
                row['batch_size'],
                row['engine'],
                f'{row["compiling"]:.1f} s',
                f'{1e3 * np.median(row["steps"]):.3g} ms',
                f'{1e3 * min(row["steps"]):.3g} to {1e3 * max(row["steps"]):.3g} '
                f'({len(row["steps"])})',
                f'{row["memory"]:.3f} GiB',
            )
            for row in results
            if 'error' not in row
        ],
    )


# ------------------------------------------------------------------------- run


def _run_checks(results):
    for one in results:
        if 'error' in one:
            yield Check(
                f'{one["network"]}: a whole run', 'runs', one['error'], False
            )
        elif 'lacks' in one:
            yield Check(
                f'{one["network"]}: a whole run',
                f'{one["lacks"]} is installed',
                'left out',
                None,
            )
    seconds = {
        one['network']: one['seconds'] for one in results if 'seconds' in one
    }
    if 'cae2d' in seconds:
        yield Check(
            'cae2d: a whole run',
            f'under {CAE2D:.0f} s',
            f'{seconds["cae2d"]:.0f} s',
            seconds['cae2d'] < CAE2D,
        )
    if len(seconds) == 4:
        chapter = sum(seconds.values())
        yield Check(
            'chapter 3: all four runs',
            f'under {CHAPTER:.0f} s',
            f'{chapter:.0f} s',
            chapter < CHAPTER,
        )
    else:
        yield Check(
            'chapter 3: all four runs',
            f'under {CHAPTER:.0f} s',
            f'{len(seconds)} of them were timed',
            None,
        )


def _run_details(results):
    yield from [
        'Compilation, every iteration with the losses that are '
        'logged, the test set after each epoch, and checkpoints; the '
        'images are noise, and no figures are drawn.',
        '',
    ]
    yield from table(
        ['network', 'compile', 'iterations', 'a run', 'from'],
        [
            (
                one['network'],
                f'{one["compiling"]:.1f} s',
                f'{one["iterations"]:,}',
                f'{one["seconds"]:.0f} s',
                'the whole'
                if one['whole']
                else f'{len(one["epochs"])} epochs',
            )
            for one in results
            if 'seconds' in one
        ],
    )


_TITLES = {
    'equality': 'Equality with the CPU',
    'tests': 'Tests',
    'table': 'A training step beside PyTorch alone',
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
