"""What an experiment can be told: presets, and a flag for each number.

A preset is a file with a section for each experiment, and one for all of
them. ``thesis.ini`` has every parameter that there is, any other preset what
it sets differently.
"""

import argparse
import configparser
import difflib
import math
import os

from kneerepro.data.convert import NORMALISATIONS
from kneerepro.engines import PRECISIONS, precision_of
from kneerepro.registry import EXPERIMENTS
from kneerepro.utils import cli
from kneerepro.utils.errors import UserError

FOLDER = os.path.join(os.path.dirname(__file__), 'presets')
#: Those that come with the package.
PRESETS = 'smoke', 'quick', 'thesis'

_ALL = 'all'


def _or_none(kind):
    """What reads a value that may be left out."""

    def read(text):
        return kind(text) if text else None

    return read


def _choice(*choices):
    return cli.one_of(choices, shown=repr)


def _filters(text):
    counts = [cli.positive_int(part) for part in text.split(',')]
    if len(counts) != 4 or counts[-1] != 1:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not four numbers of filters, the last of them 1'
        )
    return counts


def _output_bias(text):
    if text in ('zero', 'mean'):
        return text
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(
            f'{text!r} is neither zero nor mean nor a number'
        )
    return value


def _flag(text):
    return _choice('yes', 'no')(text) == 'yes'


#: The parameters that the images depend on.
OF_THE_DATA = (
    'patients',
    'matrix',
    'slices',
    'depth',
    'size',
    'normalise',
    'flip_left',
    'seed',
)

# Parameters that runs of earlier versions do not name, as they were then.
_BEFORE = {'output_bias': 'zero', 'first_ten_every': 1}

#: What reads a parameter, and what it is.
PARAMETERS = {
    'patients': (cli.positive_int, 'synthetic patients, if no --data'),
    'matrix': (cli.positive_int, 'rows and columns of their slices'),
    'slices': (cli.positive_int, 'slices of each'),
    'depth': (cli.positive_int, 'slices of a volume of the dataset'),
    'size': (cli.positive_int, 'rows and columns of a slice'),
    'normalise': (
        _choice(*NORMALISATIONS),
        'how intensities are scaled to [0, 1]',
    ),
    'flip_left': (_flag, 'mirror left knees'),
    'split': (_choice('last', 'patient'), 'which examples test'),
    'test': (_or_none(cli.positive_int), 'how many of them'),
    'nz': (cli.positive_int, 'units of the code, or noise'),
    'width': (cli.positive_float, 'share of the filters'),
    'channels': (_filters, 'filters of the decoder'),
    'filter_size': (
        lambda text: int(_choice('4', '5')(text)),
        'of the generator',
    ),
    'encoder_sigmoid': (_choice('dense', 'conv'), 'the layer it is on'),
    'dense_nonlinearity': (
        _choice('rectify', 'linear'),
        'of decoder and generator',
    ),
    'output_bias': (
        _output_bias,
        'initial bias of the last layer: zero, mean '
        '(the logit of the mean training intensity) or a number',
    ),
    'batch_norm_output': (_flag, "batch norm on the generator's last layer"),
    'critic_batch_norm': (_flag, 'batch norm in the critic'),
    'batch_size': (cli.positive_int, 'examples of a minibatch'),
    'learning_rate': (cli.positive_float, "Adam's alpha"),
    'beta1': (cli.decay_rate, "Adam's"),
    'beta2': (cli.decay_rate, "Adam's"),
    'penalty_weight': (cli.non_negative_float, 'of the gradient, lambda'),
    'critic_steps': (cli.positive_int, 'for each step of the generator'),
    'epochs': (cli.positive_int, 'passes over the training set'),
    'iterations': (_or_none(cli.positive_int), 'minibatches, not epochs'),
    'shuffle': (_flag, 'the order anew in each epoch'),
    'first_ten_every': (
        cli.positive_int,
        'iterations from one loss of the first ten test examples to the next',
    ),
    'seed': (cli.seed, 'of all that is random'),
}


def read_preset(preset, experiment):
    """The parameters of an experiment in a preset.

    Parameters
    ----------
    preset : str
        One of :data:`PRESETS`, or the path of a file like theirs.
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
        For a file that cannot be read, a parameter that does not exist and
        a value that is wrong.
    """
    thesis = _read_file('thesis', experiment)
    values = {**thesis, **_read_file(preset, experiment)}
    for name in values:
        if name not in thesis:
            raise UserError(
                f'{preset}: {experiment} has no {name}'
                + suggestion(name, thesis)
            )
    result = {}
    for name, (read, _) in PARAMETERS.items():
        if name in values:
            try:
                result[name] = read(values[name])
            except argparse.ArgumentTypeError as error:
                raise UserError(
                    f'{preset}: {name} of {experiment}: {error}'
                ) from None
    return result


def complete(parameters, experiment):
    """Parameters of a run of any version, with all that this version has.

    Parameters
    ----------
    parameters : dict
        Those that an earlier version did not have may be missing.
    experiment : str

    Returns
    -------
    dict
        A copy, with the missing ones as the earlier version worked.
    """
    known = read_preset('thesis', experiment)
    return {
        **parameters,
        **{
            name: value
            for name, value in _BEFORE.items()
            if name in known and name not in parameters
        },
    }


def read_parameter(name, text):
    """A parameter's value, of what is written in a preset.

    Raises
    ------
    UserError
        For a parameter that does not exist and a value that is wrong.
    """
    if name not in PARAMETERS:
        raise UserError(f'no parameter {name}' + suggestion(name, PARAMETERS))
    try:
        return PARAMETERS[name][0](text)
    except argparse.ArgumentTypeError as error:
        raise UserError(f'{name}: {error}') from None


def preset_name(preset):
    """What a preset is called: itself, or its file without folder and
    extension.
    """
    return os.path.splitext(os.path.basename(preset))[0]


def _read_file(preset, experiment):
    path = (
        os.path.join(FOLDER, preset + '.ini') if preset in PRESETS else preset
    )
    parser = configparser.ConfigParser(
        default_section=_ALL, inline_comment_prefixes='#', interpolation=None
    )
    try:
        with open(path, encoding='utf-8') as file:
            parser.read_file(file)
    except OSError as error:
        names = ', '.join(PRESETS)
        raise UserError(
            f'no preset {preset}: {os.strerror(error.errno)}; '
            f'there are {names}, or give the path of a file'
            + suggestion(preset, PRESETS)
        ) from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UserError(
            f'{path} is no preset: ' + str(error).replace('\n', ' ')
        ) from None
    for section in parser.sections():
        if section not in EXPERIMENTS:
            raise UserError(
                f'{path}: no experiment is called {section}'
                + suggestion(section, EXPERIMENTS)
            )
    return dict(
        parser[experiment] if experiment in parser else parser.defaults()
    )


def suggestion(name, known):
    """`` (did you mean ...?)``, if there is something like it."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f' (did you mean {close[0]}?)' if close else ''


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and names what an unknown flag
    may have been meant to be.
    """

    def __init__(self, description):
        super().__init__(
            description=description.split('\n\n', 1)[0],
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def parse_args(self, args=None, namespace=None):
        args, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = [
                flag
                for action in self._actions
                for flag in action.option_strings
            ]
            name = unknown[0].split('=')[0]
            self.error(f'unknown argument {name}' + suggestion(name, known))
        return args

    def error(self, message):
        """Leave with one line: the usage, a page of flags, would bury it."""
        self.exit(
            cli.BAD_INPUT, f'error: {message}; --help lists what there is\n'
        )


def add_out(parser):
    """Add ``--out``."""
    parser.add_argument(
        '--out',
        metavar='DIR',
        default='runs',
        help='folder of all runs (default: runs)',
    )


def add_preset(parser, default='quick'):
    """Add ``--preset``."""
    parser.add_argument(
        '--preset',
        default=default,
        metavar='NAME',
        help=f'{", ".join(PRESETS)} (default: {default}) or a file: the '
        'values of all parameters',
    )


def add_parameters(parser, experiment, preset='quick', only=PARAMETERS):
    """Add ``--preset`` and a flag for each parameter of an experiment, or for
    some; what is not given is not set.
    """
    add_preset(parser, preset)
    presets = {name: read_preset(name, experiment) for name in PRESETS[1:]}
    group = parser.add_argument_group('parameters')
    for name, value in presets['thesis'].items():
        if name not in only:
            continue
        read, text = PARAMETERS[name]
        values = ', '.join(
            f'{preset}: {as_text(values[name])}'
            for preset, values in presets.items()
        )
        text = f'{text} ({values})'
        flag = '--' + name.replace('_', '-')
        if read is _flag:
            # Its help would show a default of SUPPRESS on Python 3.9.
            action = group.add_argument(
                flag, help=text, action=argparse.BooleanOptionalAction
            )
            action.default = argparse.SUPPRESS
        else:
            group.add_argument(
                flag,
                default=argparse.SUPPRESS,
                type=read,
                help=text,
                metavar='NAME' if isinstance(value, str) else 'N',
            )


def parameters_of(args, experiment):
    """The parameters that parsed arguments ask for.

    Parameters
    ----------
    args : argparse.Namespace
    experiment : str

    Returns
    -------
    dict
    """
    values = read_preset(args.preset, experiment)
    return {name: getattr(args, name, value) for name, value in values.items()}


def differences(parameters, experiment, synthetic=True):
    """Where parameters are not the thesis's.

    Parameters
    ----------
    parameters : dict
    experiment : str
    synthetic : bool
        Whether the images are synthetic, so that their number and size as
        made count as well.

    Returns
    -------
    dict of str to tuple
        Name to value and the thesis's value. The thesis names no seed.
    """
    thesis = read_preset('thesis', experiment)
    passed_over = {'seed'} | (
        set() if synthetic else {'patients', 'matrix', 'slices'}
    )
    return {
        name: (value, thesis[name])
        for name, value in parameters.items()
        if value != thesis[name] and name not in passed_over
    }


def differences_of(run):
    """Where a run is not the thesis's: parameters, and the precision.

    Parameters
    ----------
    run : kneerepro.runs.Run

    Returns
    -------
    dict of str to tuple
        As :func:`differences`.
    """
    found = differences(
        run.parameters, run.experiment, run.settings['data']['synthetic']
    )
    used, thesis = precision_of(run.settings), PRECISIONS[0]
    if used != thesis:
        found['precision'] = used, thesis
    return found


def as_text(value):
    """A value as it would be given for its flag."""
    if value is None:
        return 'none'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, list):
        return ','.join(map(str, value))
    return f'{value:g}' if isinstance(value, float) else str(value)
