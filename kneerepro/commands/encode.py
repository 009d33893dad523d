"""Encode images as latent vectors: slices with a 2D autoencoder, volumes with
a 3D one.

The table has a row for each slice or volume. Its columns are volume (the
number in the dataset, from 0), slice (from 1; 2D only), patient (a hash),
side, series (SeriesInstanceUID), and the latent vector: z1, z2, ... Open it
with pandas.read_csv(FILE) or pandas.read_parquet(FILE). An .npz has the latent
vectors as one array, codes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from kneerepro.algorithms.common import compile_through
from kneerepro.commands import inputs
from kneerepro.commands.code_tables import Batch, writer_for
from kneerepro.engines import Engine
from kneerepro.measures.codes import CodeSpread
from kneerepro.registry import AUTOENCODERS, EXPERIMENTS
from kneerepro.runs.collapse import COLLAPSES
from kneerepro.utils.files import replacing
from kneerepro.utils.progress import Progress
from kneerepro.utils.text import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inputs.add_model(parser)
    inputs.add_data(parser)
    parser.add_argument(
        '--out',
        metavar='FILE',
        default='codes.csv',
        help='.csv, .npz or .parquet (default: codes.csv)',
    )
    inputs.add_common(parser)


def run(args: argparse.Namespace) -> None:
    """Encode the images and write the latent vectors."""
    write = writer_for(args.out)
    inputs.refuse_existing([args.out], args.overwrite)
    model = inputs.load_model(args.model, AUTOENCODERS)
    engine = Engine(args.engine, args.device, args.precision)
    spread = CodeSpread()
    with (
        inputs.open_data(args, model, args.out) as dataset,
        replacing(args.out) as temporary,
    ):
        encode = compile_through(model.networks[:1], engine.mode)
        count = write(temporary, _codes(encode, dataset, model, spread))
    print(
        f'wrote {printable(args.out)}: {count:,} latent vectors of '
        f'{model.options["nz"]}'
    )
    _warn_of_collapse(model, spread)


def _warn_of_collapse(model, spread):
    """Warn if the codes do not depend on the images.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
    spread : kneerepro.measures.codes.CodeSpread
        Of the codes written. A single code has none; the spread that the
        training measured on its test set then decides, if the model records
        it.
    """
    collapse = COLLAPSES[model.experiment]
    value = spread.value()
    if spread.count == 1:
        value = model.about.get('measures', {}).get(collapse.measure, np.inf)
    if value < collapse.threshold:
        print(
            f'warning: {model.experiment}: {collapse.finding.format(value)}',
            file=sys.stderr,
        )


def _codes(encode, dataset, model, spread) -> Iterator[Batch]:
    """Encode a dataset, volume by volume, and measure the spread."""
    on_volumes = EXPERIMENTS[model.experiment].on_volumes
    total = len(dataset.volumes)
    with Progress('encoding', 'volumes') as progress:
        for i in range(total):
            codes = np.asarray(
                encode(inputs.as_batch(dataset.volumes[i], model))
            )
            spread.add(codes)
            columns: dict[str, list] = {'volume': [i] * len(codes)}
            if not on_volumes:
                columns['slice'] = list(range(1, len(codes) + 1))
            for name in 'patient', 'side', 'series':
                columns[name] = [str(getattr(dataset, name)[i])] * len(codes)
            yield columns, codes
            progress(i + 1, total)
