"""What there is in the place of each number that the thesis prints."""

import inspect
from collections import namedtuple

import lasagne
import numpy as np
from lasagne.layers import get_all_layers, get_all_params

from kneerepro import config
from kneerepro.data.splits import last_split, patient_split, per_epoch
from kneerepro.data.views import View
from kneerepro.networks.layer_table import described, times
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import zoo
from kneerepro.thesis import tables
from kneerepro.utils.errors import UserError

Built = namedtuple('Built', 'experiment parameters networks data')
Built.__doc__ = """An experiment as it is built.

Attributes
----------
experiment : str
parameters : dict
    Of :mod:`kneerepro.config`.
networks : pair of lasagne.layers.Layer
data : dict
    ``volumes`` (how many), ``shape`` (theirs: depth, rows, columns),
    ``train``, ``test`` (examples), ``synthetic`` (whether they are) and, if
    known, ``shared`` (persons on both sides).
"""


def build(variants):
    """The four experiments as a reading of the thesis has them.

    Parameters
    ----------
    variants : dict of str to str
        Parameters of :mod:`kneerepro.config` that are not those of the
        preset ``thesis``, as they are written there. Each counts for all
        experiments that have it or, as in ``cae2d.iterations``, for one.

    Returns
    -------
    list of Built

    Raises
    ------
    UserError
        For a parameter that does not exist, and a value that cannot be.
    """
    presets = {
        experiment: config.read_preset('thesis', experiment)
        for experiment in EXPERIMENTS
    }
    for place, text in variants.items():
        only, _, name = place.rpartition('.')
        if only and only not in presets:
            raise UserError(
                f'no experiment is called {only}'
                + config.suggestion(only, presets)
            )
        value = config.read_parameter(name, text)
        if only and name not in presets[only]:
            raise UserError(
                f'{only} has no {name}'
                + config.suggestion(name, presets[only])
            )
        for experiment, parameters in presets.items():
            if only in ('', experiment) and name in parameters:
                parameters[name] = value
    return [_build(*preset) for preset in presets.items()]


def _build(experiment, p):
    shape = p['depth'], p['size'], p['size']
    networks = zoo.build(experiment, zoo.options_of(experiment, p, shape))
    patients = [f'patient {i + 1}' for i in range(p['patients'])]
    # As large as the dataset, without its memory.
    view = View(
        np.broadcast_to(np.float32(0), (len(patients), 1, *shape)),
        np.array(patients),
        np.ones(len(patients), bool),
        images=not EXPERIMENTS[experiment].on_volumes,
    )
    data = {
        'volumes': p['patients'],
        'shape': shape,
        'train': len(view),
        'test': 0,
        'synthetic': True,
        'shared': [],
    }
    if 'split' in p:
        divide = {'last': last_split, 'patient': patient_split}
        split = divide[p['split']](view, p['test'])
        data.update(
            train=len(split.train), test=len(split.test), shared=split.shared
        )
    return Built(experiment, p, networks, data)


def of_model(model, path):
    """The experiment of a finished run.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
    path : str
        Its, for the message.

    Returns
    -------
    Built

    Raises
    ------
    UserError
        If it does not tell how it was trained.
    """
    try:
        parameters = config.complete(
            model.about['parameters'], model.experiment
        )
        data = model.about['data']
        return Built(
            model.experiment,
            {
                name: parameters[name]
                for name in config.read_preset('thesis', model.experiment)
            },
            model.networks,
            {
                key: data[key]
                for key in ('volumes', 'shape', 'train', 'test', 'synthetic')
            },
        )
    except (KeyError, TypeError):
        raise UserError(
            f'{path} does not tell how its networks were trained'
        ) from None


def stated(built):
    """What there is for the statements in the text.

    Parameters
    ----------
    built : Built

    Returns
    -------
    dict of str to str
        By key of :data:`kneerepro.thesis.tables.STATEMENTS`, all that any experiment
        has.
    """
    p, (first, second), data = built.parameters, built.networks, built.data
    depth, *size = data['shape']
    dataset = (
        (data['volumes'], 1, depth)
        if EXPERIMENTS[built.experiment].on_volumes
        else (data['volumes'] * depth, 1)
    )
    rows = described(first), described(second)
    convolutions, deconvolutions = (
        [row for row in network if row['Layer']['kind'].startswith(kind)]
        for network, kind in zip(rows, ('Conv', 'Deconv'))
    )
    units = [
        [
            row['Filter']['filters']
            for row in network
            if row['Layer']['kind'] == 'Dense'
        ]
        for network in rows
    ]
    values = {
        name: _number(p[name])
        for name in ('batch_size', 'learning_rate', 'beta1', 'beta2', 'epochs')
    }
    return {
        **values,
        **{
            f'{name} in the caption': values[name]
            for name in ('batch_size', 'learning_rate')
        },
        'volume': times((*size, depth)),
        'dataset': times((*dataset, *size)),
        'train': str(data['train']),
        'test': str(data['test']),
        'code': str(first.output_shape[1]),
        'convolutions': str(len(convolutions)),
        'deconvolutions': str(len(deconvolutions)),
        'last_convolution': (
            convolutions[-1]['Activ.'][''] if convolutions else 'none'
        ),
        'encoder_dense': ', '.join(units[0]) or 'none',
        'decoder_dense': ', '.join(units[1]) or 'none',
        'last_activation': rows[1][-1]['Activ.'][''],
        'order of parameters': f'{count(first) + count(second):,}',
        'iterations': str(
            p['iterations']
            or p['epochs'] * per_epoch(range(data['train']), p['batch_size'])
        ),
    }


def hyperparameters(built):
    """The row of Table 2.5.

    Parameters
    ----------
    built : Built

    Returns
    -------
    dict of str to str
        By column. A decay rate that is Lasagne's default is said to be.
    """
    p, first = built.parameters, built.networks[0]
    code = (
        first
        if EXPERIMENTS[built.experiment].autoencoder
        else get_all_layers(first)[0]
    )
    beta2 = _number(p['beta2'])
    default = inspect.signature(lasagne.updates.adam).parameters['beta2']
    if p['beta2'] == default.default:
        beta2 += ' (default)'
    values = (
        EXPERIMENTS[built.experiment].title,
        str(code.output_shape[1]),
        _number(p['batch_size']),
        _number(p['learning_rate']),
        _number(p['beta1']),
        beta2,
    )
    return dict(zip(tables.TABLES['2.5'].columns, values))


def _number(value):
    return f'{value:g}'


def count(network):
    """How many parameters of a network are trained."""
    # Lasagne's count_params copies them all.
    return sum(
        param.get_value(borrow=True).size
        for param in get_all_params(network, trainable=True)
    )
