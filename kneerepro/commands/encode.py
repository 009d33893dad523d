"""Write the latent vectors of images: those of slices by a 2D autoencoder,
those of volumes by a 3D one.

A row for each: volume (its number in the dataset, from 0), slice (from 1; 2D
alone), patient (a hash), side, and the vector.
"""

import csv
import os
import sys

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import inputs
from kneerepro.engines import Engine
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress


def add_arguments(parser):
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--out',
        metavar='FILE',
        default='codes.csv',
        help='.csv or .npz (default: codes.csv)',
    )
    inputs.add_common(parser)


def run(args):
    extension = os.path.splitext(args.out)[1]
    if extension not in _WRITERS:
        raise UserError(
            f'{args.out}: the extension has to be ' + ' or '.join(_WRITERS)
        )
    inputs.refuse_existing([args.out], args.overwrite)
    model = inputs.load_model(args.model, AUTOENCODERS)
    engine = Engine(args.engine, args.device, args.precision)
    with inputs.open_data(args, model, args.out) as dataset:
        with replacing(args.out) as temporary:
            encode = compile_through(model.networks[:1], engine.mode)
            spread = _Spread()
            count = _WRITERS[extension](
                temporary,
                spread.of(_codes(encode, dataset, model)),
                _names(model.experiment),
                model.options['nz'],
            )
    print(
        f'wrote {args.out}: {count:,} latent vectors of {model.options["nz"]}'
    )
    _warn_of_collapse(model, spread.value())


def _warn_of_collapse(model, spread):
    """Tell of codes that tell nothing.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
    spread : float or None
        Of the codes written; None, for a single one, takes that of the test
        set when the model was trained, if it is known.
    """
    collapse = COLLAPSES[model.experiment]
    if spread is None:
        spread = model.about.get('measures', {}).get(collapse.measure, np.inf)
    if spread < collapse.least:
        print(
            f'warning: {model.experiment}: ' + collapse.finding.format(spread),
            file=sys.stderr,
        )


class _Spread:
    """:func:`kneerepro.measures.codes.code_spread` of codes that pass by."""

    def __init__(self):
        self._count = self._sum = self._squares = 0

    def of(self, codes):
        """Pass on what :func:`_codes` yields."""
        first = None
        for about, code in codes:
            if first is None:
                first = code.astype('float64')
            # Differences: sums of squares far from 0 would lose the digits.
            difference = code - first
            self._count += 1
            self._sum = self._sum + difference
            self._squares = self._squares + difference**2
            yield about, code

    def value(self):
        """The spread, or None of a single code."""
        if self._count < 2:
            return None
        variance = self._squares / self._count - (self._sum / self._count) ** 2
        return float(np.sqrt(variance.clip(0)).mean())


def _names(experiment):
    """What is known of an example beside its latent vector."""
    return [
        'volume',
        *['slice'] * (not EXPERIMENTS[experiment].on_volumes),
        'patient',
        'side',
    ]


def _codes(encode, dataset, model):
    """Examples of a dataset, volume by volume.

    Yields
    ------
    tuple of list and array
        What is known of it, and its latent vector, shape (nz,).
    """
    total = len(dataset.volumes)
    with Progress('encoding', 'volumes') as progress:
        for i in range(total):
            codes = encode(inputs.as_batch(dataset.volumes[i], model))
            for number, code in enumerate(codes, 1):
                yield (
                    [
                        i,
                        *[number]
                        * (not EXPERIMENTS[model.experiment].on_volumes),
                        dataset.patient[i],
                        dataset.side[i],
                    ],
                    code,
                )
            progress(i + 1, total)


def _write_csv(path, codes, names, nz):
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(names + [f'z{i}' for i in range(1, nz + 1)])
        count = 0
        for about, code in codes:
            # As text, a float32 has the digits that tell it from others.
            writer.writerow([*about, *map(str, code)])
            count += 1
    return count


def _write_npz(path, codes, names, nz):
    about, codes = zip(*codes)
    np.savez(
        path,
        codes=np.array(codes),
        **{name: np.array(column) for name, column in zip(names, zip(*about))},
    )
    return len(codes)


_WRITERS = {'.csv': _write_csv, '.npz': _write_npz}
