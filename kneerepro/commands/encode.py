"""Write the latent vectors of images: of slices with a 2D autoencoder, of
volumes with a 3D one.

Each has a row with its volume (its number in the dataset, from 0), slice
(from 1; 2D only), patient (a hash), side, and latent vector.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterable, Iterator

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import inputs
from kneerepro.engines import Engine
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--out',
        metavar='FILE',
        default='codes.csv',
        help='.csv or .npz (default: codes.csv)',
    )
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Encode the images and write the latent vectors."""
    extension = os.path.splitext(args.out)[1]
    if extension not in _WRITERS:
        raise UserError(
            f'{args.out}: the extension must be {" or ".join(_WRITERS)}'
        )
    inputs.refuse_existing([args.out], args.overwrite)
    model = inputs.load_model(args.model, AUTOENCODERS)
    engine = Engine(args.engine, args.device, args.precision)
    spread = _RunningSpread()
    with (
        inputs.open_data(args, model, args.out) as dataset,
        replacing(args.out) as temporary,
    ):
        encode = compile_through(model.networks[:1], engine.mode)
        count = _WRITERS[extension](
            temporary,
            spread.measure(_codes(encode, dataset, model)),
            _column_names(model.experiment),
            model.options['nz'],
        )
    print(
        f'wrote {args.out}: {count:,} latent vectors of {model.options["nz"]}'
    )
    _warn_of_collapse(model, spread.value())


def _warn_of_collapse(model, spread):
    """Warn if the codes do not depend on the images.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
    spread : float or None
        The spread of the codes written. A single code has none (None); the
        spread that the training measured on its test set then decides, if
        the model records it.
    """
    collapse = COLLAPSES[model.experiment]
    if spread is None:
        spread = model.about.get('measures', {}).get(collapse.measure, np.inf)
    if spread < collapse.threshold:
        print(
            f'warning: {model.experiment}: {collapse.finding.format(spread)}',
            file=sys.stderr,
        )


class _RunningSpread:
    """:func:`kneerepro.measures.codes.code_spread` of codes that are not held
    in memory together.
    """

    def __init__(self):
        self._count = self._sum = self._squares = 0

    def measure(
        self, rows: Iterable[tuple[list, np.ndarray]]
    ) -> Iterator[tuple[list, np.ndarray]]:
        """Yield the rows of :func:`_codes` unchanged, and measure them."""
        first = None
        for labels, code in rows:
            if first is None:
                first = code.astype('float64')
            # Relative to the first code: the variance is the difference of
            # two sums, which would cancel if the codes were far from 0.
            difference = code - first
            self._count += 1
            self._sum = self._sum + difference
            self._squares = self._squares + difference**2
            yield labels, code

    def value(self) -> float | None:
        """The spread, or None for a single code."""
        if self._count < 2:
            return None
        variance = self._squares / self._count - (self._sum / self._count) ** 2
        return float(np.sqrt(variance.clip(0)).mean())


def _column_names(experiment):
    """The columns beside the latent vector."""
    if EXPERIMENTS[experiment].on_volumes:
        return ['volume', 'patient', 'side']
    return ['volume', 'slice', 'patient', 'side']


def _codes(encode, dataset, model):
    """Encode a dataset, volume by volume.

    Yields
    ------
    labels : list
        The values of the columns of :func:`_column_names`.
    code : array, shape (nz,)
    """
    on_volumes = EXPERIMENTS[model.experiment].on_volumes
    total = len(dataset.volumes)
    with Progress('encoding', 'volumes') as progress:
        for i in range(total):
            patient, side = dataset.patient[i], dataset.side[i]
            codes = encode(inputs.as_batch(dataset.volumes[i], model))
            for slice_number, code in enumerate(codes, 1):
                if on_volumes:
                    yield [i, patient, side], code
                else:
                    yield [i, slice_number, patient, side], code
            progress(i + 1, total)


def _write_csv(path, rows, names, nz):
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(names + [f'z{i}' for i in range(1, nz + 1)])
        count = 0
        for labels, code in rows:
            # str() writes as many digits as tell a float32 from its
            # neighbours.
            writer.writerow([*labels, *map(str, code)])
            count += 1
    return count


def _write_npz(path, rows, names, nz):
    labels, codes = zip(*rows)
    columns = zip(names, zip(*labels))
    np.savez(
        path,
        codes=np.array(codes),
        **{name: np.array(column) for name, column in columns},
    )
    return len(codes)


_WRITERS = {'.csv': _write_csv, '.npz': _write_npz}
