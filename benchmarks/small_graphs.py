"""Time functions that take less than a millisecond, random draws and small
loops: on the PyTorch engine and on Theano's C code, side by side.

The engine carries out a function operation by operation on PyTorch until it
has been called some hundred times, and in C++ from then on, if the machine has
a compiler. Both are measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import check_environment  # noqa: F401, says what to run
import numpy as np
from alternating import time_alternating
from interleaved import machine

import kneerepro  # noqa: F401, makes Theano importable

# isort: split
import lasagne
import theano
import theano.tensor as T
from lasagne.layers import DenseLayer, InputLayer, RecurrentLayer, SliceLayer
from theano.sandbox.rng_mrg import MRG_RandomStreams

from kneerepro import command_line
from kneerepro.compat.theano_flags import C_CODE
from kneerepro.engine import torch_mode
from kneerepro.engine.native import function as native
from kneerepro.runs import environment
from kneerepro.utils import cli

#: Compiles a function in a mode, and returns a call of it.
Case = Callable[[Any], Callable[[], object]]

_ROW = '{:20} {:>11} {:>11} {:>11} {:>11} {:>11}'
_HEADINGS = (
    'function',
    'PyTorch, us',
    'C++, us',
    'Theano, us',
    'PyTorch',
    'C++',
)


def _numbers(*shape: int) -> np.ndarray:
    return np.random.RandomState(0).normal(size=shape).astype('float32')


def one_addition(mode: Any) -> Callable[[], object]:
    """``x + y`` of vectors of 100."""
    x, y = T.vectors('xy')
    f, values = theano.function([x, y], x + y, mode=mode), _numbers(2, 100)
    return lambda: f(*values)


def ten_operations(mode: Any) -> Callable[[], object]:
    """Ten operations on a vector of 100, one after the other."""
    x = T.vector('x')
    y = x
    for _ in range(5):
        y = T.tanh(y * 1.1)
    f, values = theano.function([x], y, mode=mode), _numbers(100)
    return lambda: f(values)


def prediction(mode: Any) -> Callable[[], object]:
    """Logistic regression of 20 examples of 10 numbers in 5 classes."""
    x = T.matrix('x')
    w, b = theano.shared(_numbers(10, 5)), theano.shared(_numbers(5))
    f = theano.function([x], T.nnet.softmax(x.dot(w) + b), mode=mode)
    values = _numbers(20, 10)
    return lambda: f(values)


def logistic_step(mode: Any) -> Callable[[], object]:
    """A training step of logistic regression, 40 examples of 20 numbers."""
    x, y = T.matrix('x'), T.vector('y')
    w, b = theano.shared(_numbers(20)), theano.shared(np.float32(0))
    p = T.nnet.sigmoid(x.dot(w) + b)
    loss = T.nnet.binary_crossentropy(p, y).mean() + 0.01 * (w**2).sum()
    f = theano.function(
        [x, y],
        loss,
        updates=lasagne.updates.sgd(loss, [w, b], 0.1),
        mode=mode,
    )
    values = _numbers(40, 20)
    labels = (values[:, 0] > 0).astype('float32')
    return lambda: f(values, labels)


def _perceptron(mode, update):
    lasagne.random.set_rng(np.random.RandomState(0))
    x, y = T.matrix('x'), T.ivector('y')
    network = DenseLayer(InputLayer((None, 20), x), 16)
    network = DenseLayer(network, 4, nonlinearity=T.nnet.softmax)
    loss = lasagne.objectives.categorical_crossentropy(
        lasagne.layers.get_output(network), y
    ).mean()
    parameters = lasagne.layers.get_all_params(network)
    f = theano.function(
        [x, y], loss, updates=update(loss, parameters, 0.01), mode=mode
    )
    values = _numbers(8, 20)
    labels = np.arange(8, dtype='int32') % 4
    return lambda: f(values, labels)


def perceptron_momentum(mode: Any) -> Callable[[], object]:
    """A step of a perceptron 20-16-4 with momentum, 8 examples."""
    return _perceptron(mode, lasagne.updates.nesterov_momentum)


def perceptron_adam(mode: Any) -> Callable[[], object]:
    """A step of a perceptron 20-16-4 with Adam, 8 examples."""
    return _perceptron(mode, lasagne.updates.adam)


def powers(mode: Any) -> Callable[[], object]:
    """``scan`` of 10 products of a vector of 10."""
    x, n = T.vector('x'), T.iscalar('n')
    found, _ = theano.scan(
        lambda power, x: power * x,
        outputs_info=T.ones_like(x),
        non_sequences=x,
        n_steps=n,
    )
    f, values = theano.function([x, n], found[-1], mode=mode), _numbers(10)
    return lambda: f(values, 10)


def running_sum(mode: Any) -> Callable[[], object]:
    """``scan`` that sums 100 numbers."""
    x = T.vector('x')
    found, _ = theano.scan(
        lambda x, total: total + x,
        sequences=x,
        outputs_info=T.constant(np.float32(0)),
    )
    f, values = theano.function([x], found, mode=mode), _numbers(100)
    return lambda: f(values)


def recurrent_step(mode: Any) -> Callable[[], object]:
    """A step of a recurrent network of 16 units, 8 sequences of 20."""
    lasagne.random.set_rng(np.random.RandomState(0))
    first = InputLayer((8, 20, 10))
    network = SliceLayer(RecurrentLayer(first, 16), -1, 1)
    loss = lasagne.layers.get_output(DenseLayer(network, 1)).sum()
    f = theano.function(
        [first.input_var],
        loss,
        updates=lasagne.updates.sgd(
            loss, lasagne.layers.get_all_params(network), 1e-5
        ),
        mode=mode,
    )
    values = _numbers(8, 20, 10)
    return lambda: f(values)


def _draw(distribution: str, *size: int) -> Case:
    def compile_draw(mode: Any) -> Callable[[], object]:
        streams = MRG_RandomStreams(1)
        return theano.function(
            [], getattr(streams, distribution)(size), mode=mode
        )

    return compile_draw


#: The functions that are measured, by name.
CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        one_addition,
        ten_operations,
        prediction,
        logistic_step,
        perceptron_momentum,
        perceptron_adam,
        powers,
        running_sum,
        recurrent_step,
    )
}
CASES.update(
    {
        f'{name}_{count}': _draw(name, count)
        for name in ('uniform', 'normal', 'binomial')
        for count in (1000, 1_000_000)
    }
)


def main() -> None:
    """Measure the functions, and print and write the times."""
    args = parse_arguments()
    measured: dict[str, Any] = {
        'revision': environment.revision(),
        'machine': machine('cpu', C_CODE),
        'rows': [],
    }
    print(measured['machine'])
    print(_ROW.format(*_HEADINGS))
    for name in args.functions or CASES:
        row = {'function': name, **measure(CASES[name], args.repeats)}
        measured['rows'].append(row)
        print_row(row)
        if args.json:
            with open(args.json, 'w') as file:
                json.dump(measured, file, indent=1)


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument(
        'functions',
        nargs='*',
        metavar='FUNCTION',
        type=cli.one_of(CASES),
        help=f'{", ".join(CASES)} (default: all)',
    )
    command_line.add_count(
        parser, '--repeats', 7, 'number of blocks whose median is taken'
    )
    parser.add_argument(
        '--json', metavar='FILE', help='also write all times to a file'
    )
    return parser.parse_args()


def measure(case: Case, repeats: int) -> dict[str, float | None]:
    """Time a function.

    Returns
    -------
    dict
        The seconds a call: 'pytorch' operation by operation, 'native' in C++
        (None if the engine leaves it to PyTorch), and 'theano' (None where
        Theano compiles no C code).
    """
    functions = {'pytorch': case(torch_mode('cpu'))}
    if C_CODE:
        functions['theano'] = case('FAST_RUN')
    # The engine compiles nothing before it has seen this many calls.
    seconds = min(0.02, 20e-6 * native.CALLS / (repeats + 2))
    for function in functions.values():
        function()
    eager = time_alternating(functions, repeats, seconds)
    functions['native'] = functions.pop('pytorch')
    for _ in range(native.CALLS):
        functions['native']()
    times = time_alternating(functions, repeats)
    return {
        'pytorch': eager['pytorch'],
        'native': times['native'],
        'theano': times.get('theano'),
        'theano_beside_pytorch': eager.get('theano'),
    }


def print_row(row: dict[str, Any]) -> None:
    """Print a row. The ratios are Theano's time divided by the engine's."""
    theano_time = row['theano']
    print(
        _ROW.format(
            row['function'],
            *(
                '-' if seconds is None else f'{1e6 * seconds:.1f}'
                for seconds in (row['pytorch'], row['native'], theano_time)
            ),
            *(
                '-' if beside is None else f'{beside / row[key]:.2f}'
                for key, beside in (
                    ('pytorch', row['theano_beside_pytorch']),
                    ('native', theano_time),
                )
            ),
        ),
        flush=True,
    )


if __name__ == '__main__':
    cli.run(main)
