"""The parameters of the experiments, and the presets that set them.

A preset is an ``.ini`` file with a section for each experiment and a section
``all`` for values that the experiments share. ``thesis.ini`` sets every
parameter of the thesis's experiments, and ``full.ini`` those of the others as
far as these are their own. Any other preset sets only those that differ.

:mod:`kneerepro.command_line` adds a flag for each parameter.
"""

from __future__ import annotations

import argparse
import configparser
import difflib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from kneerepro.data.convert import NORMALISATIONS
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError
from kneerepro.utils.files import reason

FOLDER = os.path.join(os.path.dirname(__file__), 'presets')
#: Presets that come with the package. Experiments of the thesis have the
#: preset thesis, the others have the preset full.
PRESETS = 'smoke', 'quick', 'thesis', 'full'

_SHARED_SECTION = 'all'


@dataclass(frozen=True)
class Parameter:
    """A parameter of the experiments.

    Attributes
    ----------
    name : str
        As in presets; the flag has hyphens for underscores.
    read : callable
        Converts the text of a preset or flag to a value. Raises
        :class:`argparse.ArgumentTypeError` for text that it refuses.
    help : str
        Description for ``--help``.
    """

    name: str
    read: Callable[[str], Any]
    help: str


def _optional(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Make a reader that reads 'none' and empty text as None."""

    def read_optional(text):
        return None if text in ('', 'none') else read(text)

    return read_optional


def _choice(*choices: str) -> Callable[[str], str]:
    return cli.one_of(choices, shown=repr)


def _yes_or_no(text: str) -> bool:
    return _choice('yes', 'no')(text) == 'yes'


def _filter_size(text: str) -> int:
    return int(_choice('4', '5')(text))


def _filter_counts(text: str) -> list[int]:
    counts = [cli.positive_int(part) for part in text.split(',')]
    if len(counts) != 4 or counts[-1] != 1:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not four numbers of filters of which the last is 1, '
            'such as 256,128,64,1'
        )
    return counts


def _output_bias(text: str) -> str | float:
    if text in ('zero', 'mean'):
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not zero, mean or a finite number'
        )
    return value


_PARAMETERS = (
    Parameter(
        'patients', cli.positive_int, 'synthetic patients, without --data'
    ),
    Parameter(
        'matrix', cli.positive_int, 'rows and columns of a synthetic slice'
    ),
    Parameter('slices', cli.positive_int, 'slices per synthetic patient'),
    Parameter(
        'depth', cli.positive_int, 'slices of each volume of the dataset'
    ),
    Parameter(
        'size',
        cli.positive_int,
        'rows and columns of each slice of the dataset',
    ),
    Parameter(
        'normalise',
        _choice(*NORMALISATIONS),
        'how intensities are scaled to [0, 1]: ' + ', '.join(NORMALISATIONS),
    ),
    Parameter('flip_left', _yes_or_no, 'mirror left knees'),
    Parameter(
        'split',
        _choice('last', 'patient'),
        'which examples are the test set: the last ones, or those of whole '
        'patients',
    ),
    Parameter(
        'test',
        _optional(cli.positive_int),
        "number of test examples; none: the thesis's share of all",
    ),
    Parameter(
        'nz', cli.positive_int, 'length of the code vector or the noise vector'
    ),
    Parameter(
        'width',
        cli.positive_float,
        'factor on the number of filters of each layer',
    ),
    Parameter(
        'channels',
        _filter_counts,
        "filters of the decoder's four transposed convolutions",
    ),
    Parameter('filter_size', _filter_size, "the generator's filter size"),
    Parameter(
        'encoder_sigmoid',
        _choice('dense', 'conv'),
        "the encoder's layer with the sigmoid: dense or conv",
    ),
    Parameter(
        'dense_nonlinearity',
        _choice('rectify', 'linear'),
        'nonlinearity of the dense layer of decoder and generator: rectify '
        'or linear',
    ),
    Parameter(
        'output_bias',
        _output_bias,
        'initial bias of the last layer: zero, mean (the logit of the mean '
        'training intensity) or a number',
    ),
    Parameter(
        'batch_norm_output',
        _yes_or_no,
        "batch normalisation of the generator's last layer",
    ),
    Parameter(
        'critic_batch_norm', _yes_or_no, 'batch normalisation in the critic'
    ),
    Parameter('batch_size', cli.positive_int, 'examples per minibatch'),
    Parameter('learning_rate', cli.positive_float, "Adam's learning rate"),
    Parameter('beta1', cli.decay_rate, "decay rate of Adam's first moment"),
    Parameter('beta2', cli.decay_rate, "decay rate of Adam's second moment"),
    Parameter(
        'penalty_weight',
        cli.non_negative_float,
        'weight lambda of the gradient penalty',
    ),
    Parameter(
        'critic_steps', cli.positive_int, 'critic steps per generator step'
    ),
    Parameter('epochs', cli.positive_int, 'passes over the training set'),
    Parameter(
        'iterations',
        _optional(cli.positive_int),
        'minibatches to train on; none: those of --epochs',
    ),
    Parameter('shuffle', _yes_or_no, 'shuffle the examples in every epoch'),
    Parameter(
        'first_ten_every',
        cli.positive_int,
        'iterations between two losses of the first ten test examples',
    ),
    Parameter('seed', cli.seed, 'seed of all random numbers'),
)

#: All parameters by name.
PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter for parameter in _PARAMETERS
}

#: Names of the parameters that determine the images of the dataset.
DATA_PARAMETERS = (
    'patients',
    'matrix',
    'slices',
    'depth',
    'size',
    'normalise',
    'flip_left',
    'seed',
)

# Parameters that earlier versions did not have, with the values that describe
# what they did.
_EARLIER_BEHAVIOUR = {'output_bias': 'zero', 'first_ten_every': 1}


def read_preset(preset: str, experiment: str) -> dict[str, Any]:
    """Read the parameters of an experiment from a preset.

    Parameters
    ----------
    preset : str
        One of :func:`presets_of`, or the path of a file in the same format.
    experiment : str
        One of :data:`kneerepro.registry.EXPERIMENTS`.

    Returns
    -------
    dict
        All parameters that the experiment has, in the order of
        :data:`PARAMETERS`.

    Raises
    ------
    UserError
        If the experiment has no such preset, or if the file cannot be read,
        sets an unknown parameter or has an invalid value.
    """
    if preset in PRESETS and preset not in presets_of(experiment):
        raise UserError(
            f'{experiment} has no preset {preset}: use one of '
            f'{", ".join(presets_of(experiment))}, or the path of a file'
        )
    full = {
        **_read_file('thesis', experiment),
        **_read_file(EXPERIMENTS[experiment].full_preset, experiment),
    }
    texts = {**full, **_read_file(preset, experiment)}
    for name in texts:
        if name not in full:
            raise UserError(
                f'{preset}: {experiment} has no parameter {name}'
                + suggestion(name, full)
            )
    values = {}
    for name, parameter in PARAMETERS.items():
        if name in texts:
            try:
                values[name] = parameter.read(texts[name])
            except argparse.ArgumentTypeError as error:
                raise UserError(
                    f'{preset}: {name} of {experiment}: {error}'
                ) from None
    return values


def presets_of(experiment: str) -> tuple[str, ...]:
    """Return the presets of the package that an experiment has.

    Parameters
    ----------
    experiment : str

    Returns
    -------
    tuple of str
        The last one is that of full size, which sets every parameter.
    """
    return 'smoke', 'quick', EXPERIMENTS[experiment].full_preset


def _read_file(preset: str, experiment: str) -> dict[str, str]:
    """Return the texts of a preset, those shared by all experiments too."""
    path = (
        os.path.join(FOLDER, preset + '.ini') if preset in PRESETS else preset
    )
    parser = configparser.ConfigParser(
        default_section=_SHARED_SECTION,
        inline_comment_prefixes='#',
        interpolation=None,
    )
    try:
        with open(path, encoding='utf-8') as file:
            parser.read_file(file)
    except OSError as error:
        raise UserError(
            f'cannot read preset {preset}: {reason(error)}; use '
            f'one of {", ".join(PRESETS)}, or the path of a file'
            + suggestion(preset, PRESETS)
        ) from None
    except (configparser.Error, UnicodeDecodeError) as error:
        message = str(error).replace('\n', ' ')
        raise UserError(f'{path} is not a valid preset: {message}') from None
    for section in parser.sections():
        if section not in EXPERIMENTS:
            raise UserError(
                f'{path}: no experiment is called {section}'
                + suggestion(section, EXPERIMENTS)
            )
    if experiment in parser:
        return dict(parser[experiment])
    return dict(parser.defaults())


def read_parameter(name: str, text: str) -> Any:
    """Convert a parameter's text, as in a preset, to its value.

    Parameters
    ----------
    name : str
        One of :data:`PARAMETERS`.
    text : str

    Raises
    ------
    UserError
        If there is no such parameter, or if it cannot have this value.
    """
    if name not in PARAMETERS:
        raise UserError(
            f'there is no parameter {name}' + suggestion(name, PARAMETERS)
        )
    try:
        return PARAMETERS[name].read(text)
    except argparse.ArgumentTypeError as error:
        raise UserError(f'{name}: {error}') from None


def fill_missing(
    parameters: Mapping[str, Any], experiment: str
) -> dict[str, Any]:
    """Add the parameters that a run of an earlier version did not have.

    Parameters
    ----------
    parameters : dict
        Of a run of any version.
    experiment : str

    Returns
    -------
    dict
        A copy. Each missing parameter has the value with which this version
        behaves as the earlier one did.
    """
    known = read_preset(EXPERIMENTS[experiment].full_preset, experiment)
    missing = {
        name: value
        for name, value in _EARLIER_BEHAVIOUR.items()
        if name in known and name not in parameters
    }
    return {**parameters, **missing}


def differences_from_thesis(
    parameters: Mapping[str, Any], experiment: str, synthetic: bool = True
) -> dict[str, tuple[Any, Any]]:
    """Compare parameters with those of the thesis.

    Those of an experiment beyond the thesis are compared with its preset
    ``full``.

    Parameters
    ----------
    parameters : dict
    experiment : str
    synthetic : bool
        Whether the images are synthetic. If not, the number and the size of
        the synthetic images do not count.

    Returns
    -------
    dict of str to tuple
        Maps the name of each parameter that differs to its value and the
        thesis's. The seed never counts: the thesis does not name any.
    """
    thesis = read_preset(EXPERIMENTS[experiment].full_preset, experiment)
    ignored = {'seed'}
    if not synthetic:
        ignored |= {'patients', 'matrix', 'slices'}
    return {
        name: (value, thesis[name])
        for name, value in parameters.items()
        if value != thesis[name] and name not in ignored
    }


def preset_name(preset: str) -> str:
    """Return the name of a preset; of a file, without folder and extension."""
    return os.path.splitext(os.path.basename(preset))[0]


def as_text(value: Any) -> str:
    """Format a parameter's value as its flag takes it."""
    if value is None:
        return 'none'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, list):
        return ','.join(map(str, value))
    return f'{value:g}' if isinstance(value, float) else str(value)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ' (did you mean ...?)' with the most similar known name.

    The result is an empty string if no known name is similar.
    """
    close = difflib.get_close_matches(name, list(known), 1)
    return f' (did you mean {close[0]}?)' if close else ''
