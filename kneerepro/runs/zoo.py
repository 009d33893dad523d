"""Networks with their configuration, in one file without pickle.

The habit of Lasagne's model zoo, where a network was a function in one file
and a pickle of its parameters in another.
"""

from collections import namedtuple

from lasagne import nonlinearities
from lasagne.layers import get_all_params

from kneerepro import networks
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import archive
from kneerepro.utils.errors import UserError

_KIND = 'model'

Model = namedtuple('Model', 'experiment options networks about')
Model.__doc__ = """What :func:`load` finds.

Attributes
----------
experiment : str
    One of :data:`kneerepro.registry.EXPERIMENTS`.
options : dict
    Of its builder.
networks : pair of Layer
    What the builder returns.
about : dict
    What the one who saved it had to say.
"""


def options_of(experiment, parameters, shape):
    """What a builder is to be given, in what JSON can hold.

    Parameters
    ----------
    experiment : str
    parameters : dict
        Of :mod:`kneerepro.config`.
    shape : tuple of 3 ints
        Depth, rows and columns of the volumes.

    Returns
    -------
    dict
    """
    spec = EXPERIMENTS[experiment]
    return {
        **{name: parameters[name] for name in spec.options},
        **spec.sizes(shape),
    }


def build(experiment, options):
    """The networks of an experiment, newly initialised.

    Raises
    ------
    UserError
        For options that cannot be.
    """
    options = dict(
        options,
        dense_nonlinearity=getattr(
            nonlinearities, options['dense_nonlinearity']
        ),
    )
    try:
        return getattr(networks, EXPERIMENTS[experiment].builder)(**options)
    except ValueError as error:
        raise UserError(f'no such network: {error}') from None


def save(path, experiment, options, pair, about):
    """Write networks with their configuration.

    Parameters
    ----------
    path : str
    experiment : str
    options : dict
        Of :func:`options_of`.
    pair : pair of Layer
        What :func:`build` made of them.
    about : dict
        What else is worth knowing, in what JSON can hold.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    archive.save(
        path,
        _KIND,
        {param.name: param.get_value() for param in get_all_params(pair)},
        {'experiment': experiment, 'options': options, 'about': about},
    )


def load(path):
    """Networks as they were saved.

    Returns
    -------
    Model

    Raises
    ------
    UserError
        If the file is not one of :func:`save`, or is damaged.
    """
    values, meta = archive.load(path, _KIND)
    try:
        experiment, options = meta['experiment'], meta['options']
        pair = build(experiment, options)
        for param in get_all_params(pair):
            value = values[param.name]
            if value.shape != param.get_value(borrow=True).shape:
                raise ValueError(f'{param.name} has shape {value.shape}')
            param.set_value(value)
        return Model(experiment, options, pair, meta['about'])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f'{path} does not fit the networks of this version '
            f'of the package ({error!r})'
        ) from None
