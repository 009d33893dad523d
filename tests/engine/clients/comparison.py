"""Runs a program on the engine and on Theano's own code, and compares."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.engine.clients import python2
from tests.engine.clients.programs import Program
from tests.engine.suites.processes import ROOT

#: Up to which relative difference two results agree, by the type of floats.
TOLERANCES = {'float64': 1e-6, 'float32': 2e-3}
# Larger files than programs have.
_LARGE = 10**6


@dataclass(frozen=True)
class Run:
    """A program on one engine.

    Attributes
    ----------
    seconds : float
    values : dict
        What :class:`tests.engine.clients.recording.Recorder` recorded.
    error : str
        The end of what it printed if it failed, or ''.
    """

    seconds: float
    values: dict[str, np.ndarray]
    error: str


@dataclass(frozen=True)
class Outcome:
    """What became of a program.

    Attributes
    ----------
    program : Program
    verdict : str
        'agrees', 'differs', 'fails on the engine', 'fails on both',
        'fails on Theano', 'needs ...' or 'not found'.
    difference : float
        The largest one of a result, relative to the largest number in it.
    seconds : tuple of float
        Of the runs on the engine and on Theano's own code.
    text : str
        Which result differs most, or the error.
    """

    program: Program
    verdict: str
    difference: float = 0.0
    seconds: tuple[float, ...] = ()
    text: str = ''


def find(program: Program, checkouts: str | os.PathLike) -> Path | None:
    """The file of a program in a folder with checkouts, or None."""
    return next(iter(sorted(Path(checkouts).glob(program.file))), None)


def compare(
    program: Program,
    checkouts: str | os.PathLike,
    data: str | os.PathLike,
    float_type: str = 'float64',
    timeout: float = 600,
    with_c: bool = False,
) -> Outcome:
    """Run a program in both ways.

    Parameters
    ----------
    program : Program
    checkouts : path
    data : path
        Where stand-ins for datasets are kept.
    float_type : {'float64', 'float32'}
        Theano's floatX, unless the program requires another.
    timeout : float
        The most seconds that each run may take.
    with_c : bool
        Whether Theano's own mode compiles C code.
    """
    file = find(program, checkouts)
    if file is None:
        return Outcome(program, 'not found', text=program.source)
    for package in _requirements(program, file):
        if importlib.util.find_spec(package) is None:
            return Outcome(program, f'needs {package}')
    float_type = program.float_type or float_type
    # Its Python code computes fused operations number by number. The engine
    # has no fused ones.
    theano_flags = [] if with_c else ['cxx=', 'optimizer_excluding=fusion']
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(file, program, folder)
        engine, theano = (
            _run(
                program,
                copy,
                Path(data).resolve(),
                timeout,
                [f'floatX={float_type}', *flags],
            )
            for flags in (['mode=TORCH'], theano_flags)
        )
    seconds = engine.seconds, theano.seconds
    failed = ''.join('1' if run.error else '0' for run in (engine, theano))
    if failed != '00':
        verdict = {
            '11': 'fails on both',
            '10': 'fails on the engine',
            '01': 'fails on Theano',
        }[failed]
        text = engine.error or theano.error
        return Outcome(program, verdict, np.inf, seconds, text)
    difference, name = largest_difference(engine.values, theano.values)
    agrees = difference <= TOLERANCES[float_type]
    return Outcome(
        program,
        'agrees' if agrees else 'differs',
        difference,
        seconds,
        name,
    )


def _requirements(program, file):
    if program.python2 and python2.converter() is None:
        yield 'fissix'
    # A checkout of a library brings the library itself.
    yield from program.packages


def _copy(file, program, folder):
    """Copy a program with what lies beside it, so that it may write there;
    return the path of the copy.
    """
    root = file.parent
    if program.path == '..':
        root = root.parent
    copy = Path(folder, 'program')
    shutil.copytree(
        root,
        copy,
        ignore=lambda path, names: [
            name
            for name in names
            if name.startswith('.')
            or os.path.isfile(os.path.join(path, name))
            and os.path.getsize(os.path.join(path, name)) > _LARGE
        ],
    )
    if program.python2:
        python2.convert(copy)
    return copy / file.relative_to(root)


def _run(program, copy, data, timeout, flags):
    record = copy.with_name('record.npz')
    record.unlink(missing_ok=True)
    theano_flags = [
        os.environ.get('THEANO_FLAGS'),
        'warn.ignore_bug_before=all',
        f'base_compiledir={data / "compiled"}',
        *flags,
    ]
    start = time.monotonic()
    try:
        process = subprocess.run(
            [
                *(sys.executable, '-m', 'tests.engine.clients.child'),
                *('--path', program.path, '--function', program.function),
                *map(str, (copy, record, data)),
                str(program.calls),
                *program.arguments,
            ],
            cwd=ROOT,
            env={
                **os.environ,
                'THEANO_FLAGS': ','.join(filter(None, theano_flags)),
                'MPLBACKEND': 'Agg',
                # Keras keeps its settings and its data there.
                'HOME': str(copy.parent),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        error = ''
        if process.returncode:
            error = process.stdout.decode(errors='replace')[-2000:]
    except subprocess.TimeoutExpired:
        error = f'took more than {timeout:g} seconds'
    seconds = time.monotonic() - start
    values = {}
    if not error:
        with np.load(record) as file:
            values = dict(file)
        if not values:
            error = 'called no function'
    return Run(seconds, values, error)


def largest_difference(
    a: dict[str, np.ndarray], b: dict[str, np.ndarray]
) -> tuple[float, str]:
    """The largest relative difference of arrays of the same name.

    Returns
    -------
    difference : float
        Relative to the largest number in the array; infinite if an array is
        missing, or the shapes or the places of infinities and NaN differ.
    name : str
        Of the array that differs most.
    """
    differences = {
        name: _difference(a[name], b[name])
        if name in a and name in b
        else np.inf
        for name in [*a, *b]
    }
    name = max(differences, key=differences.__getitem__)
    return differences[name], name


def _difference(a, b):
    if a.shape != b.shape:
        return np.inf
    a, b = (
        x.astype(complex if x.dtype.kind == 'c' else float) for x in (a, b)
    )
    finite = np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return np.inf
    a, b = a[finite], b[finite]
    if not np.isfinite(a).all():
        return np.inf
    difference = abs(a - b).max(initial=0)
    return float(difference / abs(b).max()) if difference else 0.0
