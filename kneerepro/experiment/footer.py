"""The small print below a figure of a run."""

import kneerepro
from kneerepro import config
from kneerepro.registry import EXPERIMENTS

_NAMES = {
    'batch_size': 'batch',
    'learning_rate': 'α',
    'beta1': 'β₁',
    'beta2': 'β₂',
    'penalty_weight': 'λ',
}

# The data are described by what they have become.
_OF_THE_DATA = {'patients', 'matrix', 'slices', 'depth', 'size', 'test'}

# The legend of a figure that shows it says so.
_IN_THE_LEGEND = {'first_ten_every'}

# What the networks' shapes depend on.
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


def footer_of(run):
    """What a figure was made with, so that a run on less than the thesis's
    data, networks or time cannot be mistaken for it.

    Parameters
    ----------
    run : kneerepro.runs.Run

    Returns
    -------
    str
    """
    settings, data = run.settings, run.settings['data']
    changed = config.differences_of(run)
    spec = EXPERIMENTS[run.experiment]
    shape = data['shape'] if spec.on_volumes else data['shape'][1:]
    return _text(
        [
            *[f"preset {settings['preset']}, not the thesis's"]
            * bool(changed),
            ('synthetic knees' if data['synthetic'] else 'own data')
            + f', {data["train"]:,} training '
            + (f'and {data["test"]:,} test ' if data['test'] else '')
            + f'{spec.unit} of {" x ".join(map(str, shape))}',
            *_as_texts(changed, set(changed) - _OF_THE_DATA - _IN_THE_LEGEND),
            f'{settings["engine"]} engine, {settings["device"]}',
        ]
    )


def footer_of_networks(parameters, experiment):
    """Where networks are not the thesis's.

    Parameters
    ----------
    parameters : dict
        Of :mod:`kneerepro.config`.
    experiment : str

    Returns
    -------
    str
    """
    names = set(_OF_THE_NETWORKS)
    if not EXPERIMENTS[experiment].on_volumes:
        names.remove('depth')
    changed = _as_texts(config.differences(parameters, experiment), names)
    return _text([*["not the thesis's networks"] * bool(changed), *changed])


def _as_texts(changed, names):
    return [
        f'{_NAMES.get(name, name.replace("_", " "))} '
        f'{config.as_text(value)} (thesis: {config.as_text(thesis)})'
        for name, (value, thesis) in changed.items()
        if name in names
    ]


def _text(parts):
    return '; '.join([f'kneerepro {kneerepro.__version__}', *parts])
