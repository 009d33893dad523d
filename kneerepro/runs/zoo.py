"""Networks and their configuration in one file, without pickle.

In Lasagne's model zoo, each model is a function in one file, which builds the
network, and a pickle of its parameters in another. Here, both are in one
archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lasagne import nonlinearities
from lasagne.layers import Layer, get_all_params

from kneerepro import networks
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import archive
from kneerepro.utils.errors import UserError

_KIND = 'model'


@dataclass(frozen=True)
class Model:
    """Networks with the configuration that they were saved with.

    Attributes
    ----------
    experiment : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    options : dict
        Options of the experiment's builder; see :func:`builder_options`.
    networks : tuple of 2 Layer
        Output layers of the networks that the builder returned.
    about : dict
        Additional information that was given to :func:`save`.
    """

    experiment: str
    options: dict[str, Any]
    networks: tuple[Layer, Layer]
    about: dict[str, Any]


def builder_options(
    experiment: str,
    parameters: Mapping[str, Any],
    shape: tuple[int, int, int],
) -> dict[str, Any]:
    """Return the options with which an experiment's networks are built.

    Parameters
    ----------
    experiment : str
    parameters : dict
        Parameters of :mod:`kneerepro.config`.
    shape : tuple of 3 ints
        Depth, rows and columns of the volumes.

    Returns
    -------
    dict
        It can be converted to JSON.
    """
    spec = EXPERIMENTS[experiment]
    return {
        **{name: parameters[name] for name in spec.options},
        **spec.sizes(shape),
    }


def build(experiment: str, options: Mapping[str, Any]) -> tuple[Layer, Layer]:
    """Build the networks of an experiment, with initial parameters.

    Parameters
    ----------
    experiment : str
    options : dict
        From :func:`builder_options`.

    Returns
    -------
    tuple of 2 Layer
        Output layers of the networks.

    Raises
    ------
    UserError
        If there are no networks with these options.
    """
    builder = getattr(networks, EXPERIMENTS[experiment].builder)
    dense_nonlinearity = getattr(nonlinearities, options['dense_nonlinearity'])
    try:
        return builder(**{**options, 'dense_nonlinearity': dense_nonlinearity})
    except ValueError as error:
        raise UserError(
            f'cannot build the networks of {experiment}: {error}'
        ) from None


def save(
    path: str,
    experiment: str,
    options: dict[str, Any],
    networks: tuple[Layer, Layer],
    about: dict[str, Any],
) -> None:
    """Write networks with their configuration.

    Parameters
    ----------
    path : str
    experiment : str
    options : dict
        From :func:`builder_options`.
    networks : tuple of 2 Layer
        What :func:`build` made of the options.
    about : dict
        Additional information that can be converted to JSON.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    values = {
        param.name: param.get_value() for param in get_all_params(networks)
    }
    archive.save(
        path,
        _KIND,
        values,
        {'experiment': experiment, 'options': options, 'about': about},
    )


def load(path: str) -> Model:
    """Load networks that :func:`save` wrote.

    Parameters
    ----------
    path : str

    Returns
    -------
    Model

    Raises
    ------
    UserError
        If the file is not a model, or is damaged.
    """
    values, meta = archive.load(path, _KIND)
    try:
        model = Model(
            experiment=meta['experiment'],
            options=meta['options'],
            networks=build(meta['experiment'], meta['options']),
            about=meta['about'],
        )
        for param in get_all_params(model.networks):
            value = values[param.name]
            if value.shape != param.get_value(borrow=True).shape:
                raise ValueError(f'{param.name} has shape {value.shape}')
            param.set_value(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f'{path} does not fit the networks of this version '
            f'of the package ({error!r})'
        ) from None
    return model
