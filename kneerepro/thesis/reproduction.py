"""The values here that correspond to each number the thesis prints."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lasagne
import numpy as np
import theano
from lasagne.layers import Layer, get_all_layers, get_all_params

from kneerepro import config
from kneerepro.data.splits import SPLITS, per_epoch
from kneerepro.data.views import View
from kneerepro.networks.layer_table import layer_table, size_text
from kneerepro.registry import EXPERIMENTS, ExperimentSpec
from kneerepro.runs import zoo
from kneerepro.thesis import tables
from kneerepro.utils.errors import UserError


@dataclass(frozen=True)
class DatasetSummary:
    """The dataset of a reproduction, in numbers.

    Attributes
    ----------
    volumes : int
        Number of volumes.
    shape : tuple of 3 ints
        Depth, rows and columns of each.
    train, test : int
        Number of training and of test examples.
    synthetic : bool
        Whether the images are synthetic.
    shared : list of str or None
        Persons with images in both the training and the test set, if known.
    """

    volumes: int
    shape: tuple[int, int, int]
    train: int
    test: int
    synthetic: bool
    shared: list[str] | None = None


@dataclass(frozen=True)
class Reproduction:
    """An experiment as it is built here.

    Attributes
    ----------
    experiment : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.
    parameters : dict of str to object
        Parameters of :mod:`kneerepro.config`.
    networks : tuple of 2 lasagne.layers.Layer
        Output layers of its networks.
    data : DatasetSummary
    """

    experiment: str
    parameters: dict[str, Any]
    networks: tuple[Layer, Layer]
    data: DatasetSummary

    @property
    def spec(self) -> ExperimentSpec:
        """The registry's entry of the experiment."""
        return EXPERIMENTS[self.experiment]


def reproduce(variants: Mapping[str, str]) -> list[Reproduction]:
    """Build all experiments as a reading of the thesis has them.

    Parameters
    ----------
    variants : dict of str to str
        Parameters of :mod:`kneerepro.config` that differ from the preset
        ``thesis``, or from ``full`` beyond the thesis, written as in a preset.
        Each applies to all experiments that have it, or, as in
        ``cae2d.iterations``, to one.

    Returns
    -------
    list of Reproduction
        In the order of the registry. Their networks have no initial values:
        all parameters are 0.

    Raises
    ------
    UserError
        If a parameter does not exist or a value is impossible.
    """
    presets = {
        name: config.read_preset(spec.full_preset, name)
        for name, spec in EXPERIMENTS.items()
    }
    for variant, text in variants.items():
        only, _, name = variant.rpartition('.')
        if only and only not in presets:
            raise UserError(
                f'no experiment is called {only}'
                + config.suggestion(only, presets)
            )
        value = config.read_parameter(name, text)
        if only and name not in presets[only]:
            raise UserError(
                f'{only} has no parameter {name}'
                + config.suggestion(name, presets[only])
            )
        for experiment, parameters in presets.items():
            if only in ('', experiment) and name in parameters:
                parameters[name] = value
    return [
        _reproduce(experiment, parameters)
        for experiment, parameters in presets.items()
    ]


def _reproduce(experiment, parameters):
    shape = (parameters['depth'], parameters['size'], parameters['size'])
    options = zoo.builder_options(experiment, parameters, shape)
    with _without_values():
        networks = zoo.build(experiment, options)
    return Reproduction(
        experiment=experiment,
        parameters=parameters,
        networks=networks,
        data=_summarise_dataset(experiment, parameters, shape),
    )


@contextlib.contextmanager
def _without_values() -> Iterator[None]:
    """Build layers whose parameters have a shape, but take no memory.

    Drawing initial values takes longer than all of a comparison, which does
    not look at them, and those of the GANs of volumes take 1.3 GB.
    """

    def create_param(spec, shape, name=None):
        return theano.shared(
            np.broadcast_to(np.float32(0), tuple(shape)),
            name=name,
            borrow=True,
        )

    create_with_values = lasagne.utils.create_param
    lasagne.utils.create_param = create_param
    try:
        yield
    finally:
        lasagne.utils.create_param = create_with_values


def _summarise_dataset(experiment, parameters, shape):
    patients = [f'patient {i + 1}' for i in range(parameters['patients'])]
    # Has the shape of the dataset, but takes no memory.
    view = View(
        np.broadcast_to(np.float32(0), (len(patients), 1, *shape)),
        np.array(patients),
        np.ones(len(patients), bool),
        images=not EXPERIMENTS[experiment].on_volumes,
    )
    train, test, shared = len(view), 0, []
    if 'split' in parameters:
        split = SPLITS[parameters['split']](view, parameters['test'])
        train, test = len(split.train), len(split.test)
        shared = split.shared
    return DatasetSummary(
        volumes=len(patients),
        shape=shape,
        train=train,
        test=test,
        synthetic=True,
        shared=shared,
    )


def from_model(model: zoo.Model, path: str) -> Reproduction:
    """Describe the experiment of a finished run.

    Parameters
    ----------
    model : kneerepro.runs.zoo.Model
    path : str
        Path of the model, for the error message.

    Returns
    -------
    Reproduction

    Raises
    ------
    UserError
        If the model does not record how it was trained.
    """
    try:
        parameters = config.fill_missing(
            model.about['parameters'], model.experiment
        )
        data = model.about['data']
        return Reproduction(
            experiment=model.experiment,
            parameters={
                name: parameters[name]
                for name in config.read_preset(
                    EXPERIMENTS[model.experiment].full_preset, model.experiment
                )
            },
            networks=model.networks,
            data=DatasetSummary(
                volumes=data['volumes'],
                shape=tuple(data['shape']),
                train=data['train'],
                test=data['test'],
                synthetic=data['synthetic'],
            ),
        )
    except (KeyError, TypeError):
        raise UserError(
            f'{path} does not record how its networks were trained; a model '
            'that a run saved does'
        ) from None


def stated_values(reproduction: Reproduction) -> dict[str, str]:
    """Collect the values that correspond to the statements in the text.

    Parameters
    ----------
    reproduction : Reproduction

    Returns
    -------
    dict of str to str
        Values by key of :data:`kneerepro.thesis.tables.STATEMENTS`. It has
        the keys of all experiments.
    """
    parameters, data = reproduction.parameters, reproduction.data
    first, second = reproduction.networks
    depth, rows, columns = data.shape
    dataset: tuple[int, ...]
    if reproduction.spec.on_volumes:
        dataset = (data.volumes, 1, depth, rows, columns)
    else:
        dataset = (data.volumes * depth, 1, rows, columns)
    values = {
        name: _number(parameters[name])
        for name in ('batch_size', 'learning_rate', 'beta1', 'beta2', 'epochs')
    }
    return {
        **values,
        'caption_batch': values['batch_size'],
        'caption_rate': values['learning_rate'],
        'volume': size_text((rows, columns, depth)),
        'dataset': size_text(dataset),
        'train': str(data.train),
        'test': str(data.test),
        'code': str(first.output_shape[1]),
        **_layer_values(layer_table(first), layer_table(second)),
        'parameters': f'{count_parameters(first, second):,}',
        'iterations': str(
            parameters['iterations']
            or parameters['epochs']
            * per_epoch(np.arange(data.train), parameters['batch_size'])
        ),
    }


def _layer_values(first, second):
    """Collect the stated values that concern layers.

    Takes the layer tables of an experiment's two networks.
    """
    convolutions, deconvolutions = (
        [row for row in rows if row['Layer']['kind'].startswith(kind)]
        for rows, kind in ((first, 'Conv'), (second, 'Deconv'))
    )
    first_units, second_units = (
        [
            row['Filter']['filters']
            for row in rows
            if row['Layer']['kind'] == 'Dense'
        ]
        for rows in (first, second)
    )
    return {
        'conv_layers': str(len(convolutions)),
        'deconv_layers': str(len(deconvolutions)),
        'last_conv': convolutions[-1]['Activ.']['']
        if convolutions
        else 'none',
        'encoder_dense': ', '.join(first_units) or 'none',
        'decoder_dense': ', '.join(second_units) or 'none',
        'last_activation': second[-1]['Activ.'][''],
    }


def hyperparameter_row(reproduction: Reproduction) -> dict[str, str]:
    """Return the experiment's row of Table 2.5.

    Parameters
    ----------
    reproduction : Reproduction

    Returns
    -------
    dict of str to str
        Cells by column. A decay rate that is Lasagne's default ends in
        ' (default)'.
    """
    parameters, first = reproduction.parameters, reproduction.networks[0]
    # NZ is the output of an encoder, but the input of a generator.
    code = first if reproduction.spec.autoencoder else get_all_layers(first)[0]
    beta2 = _number(parameters['beta2'])
    adam = inspect.signature(lasagne.updates.adam)
    if parameters['beta2'] == adam.parameters['beta2'].default:
        beta2 += ' (default)'
    values = (
        reproduction.spec.title,
        str(code.output_shape[1]),
        _number(parameters['batch_size']),
        _number(parameters['learning_rate']),
        _number(parameters['beta1']),
        beta2,
    )
    return dict(zip(tables.TABLES['2.5'].columns, values))


def _number(value):
    return f'{value:g}'


def count_parameters(*networks: Layer) -> int:
    """Count the trainable parameters of networks."""
    # Lasagne's count_params would copy them all.
    return sum(
        param.get_value(borrow=True).size
        for network in networks
        for param in get_all_params(network, trainable=True)
    )
