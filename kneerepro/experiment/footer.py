"""The small print below a figure of a run."""

from __future__ import annotations

from typing import Any

import kneerepro
from kneerepro import config
from kneerepro.registry import EXPERIMENTS
from kneerepro.runs import Run

_SYMBOLS = {
    'batch_size': 'batch',
    'learning_rate': 'α',
    'beta1': 'β₁',
    'beta2': 'β₂',
    'penalty_weight': 'λ',
}

# The footer gives the resulting numbers of examples and their size instead.
_OF_THE_DATA = {'patients', 'matrix', 'slices', 'depth', 'size', 'test'}

# The legend of the figure that it concerns names it.
_IN_THE_LEGEND = {'first_ten_every'}

# What a parameter without a value means.
_WITHOUT_VALUE = {'iterations': 'set by the epochs'}

# The parameters that the shapes of the networks depend on.
_OF_THE_NETWORKS = {
    'depth',
    'size',
    'nz',
    'width',
    'channels',
    'filter_size',
    'encoder_sigmoid',
    'dense_nonlinearity',
    'batch_norm_output',
    'critic_batch_norm',
}


# Opens the footer of a figure that the thesis does not have.
_BEYOND = 'beyond the thesis (section 4.2)'


def footer_of(run: Run, beyond: bool = False) -> str:
    """Return the footer of a run's figures.

    It names the data and every setting that differs from the thesis, so that
    a run with less data, smaller networks or a shorter training cannot be
    mistaken for the thesis's. The settings of a run that goes beyond the
    thesis are compared with its preset of full size.

    Parameters
    ----------
    run : kneerepro.runs.Run
    beyond : bool
        Whether the figure goes beyond the thesis, though the run does not.
    """
    settings, data = run.settings, run.settings['data']
    changed = run.differences_from_thesis()
    spec = EXPERIMENTS[run.experiment]
    shape = data['shape'] if spec.on_volumes else data['shape'][1:]
    examples = f'{data["train"]:,} training '
    if data['test']:
        examples += f'and {data["test"]:,} test '
    source = 'synthetic knees' if data['synthetic'] else 'own data'
    parts = [
        f'{source}, {examples}{spec.unit} of {" x ".join(map(str, shape))}',
        *_as_texts(
            changed,
            set(changed) - _OF_THE_DATA - _IN_THE_LEGEND,
            spec.full_preset,
        ),
        f'{settings["engine"]} engine, {settings["device"]}',
    ]
    if changed:
        preset = f'preset {settings["preset"]}'
        parts.insert(
            0, preset if spec.extends else f"{preset}, not the thesis's"
        )
    if beyond or spec.extends:
        parts.insert(0, _BEYOND)
    return _joined(parts)


def footer_of_networks(parameters: dict[str, Any], experiment: str) -> str:
    """Return the footer of a figure of networks.

    Parameters
    ----------
    parameters : dict
        See :mod:`kneerepro.config`.
    experiment : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.

    Returns
    -------
    str
        Names every parameter by which the networks differ from the thesis's.
    """
    names, spec = set(_OF_THE_NETWORKS), EXPERIMENTS[experiment]
    if not spec.on_volumes:
        names.remove('depth')
    changed = _as_texts(
        config.differences_from_thesis(parameters, experiment),
        names,
        spec.full_preset,
    )
    if changed:
        changed.insert(0, "not the thesis's networks")
    return _joined(changed)


def _as_texts(changed, names, preset):
    return [
        f'{_SYMBOLS.get(name, name.replace("_", " "))} '
        f'{_as_text(name, value)} ({preset}: {_as_text(name, other)})'
        for name, (value, other) in changed.items()
        if name in names
    ]


def _as_text(name, value):
    if value is None and name in _WITHOUT_VALUE:
        return _WITHOUT_VALUE[name]
    return config.as_text(value)


def _joined(parts):
    return '; '.join([f'kneerepro {kneerepro.__version__}', *parts])
