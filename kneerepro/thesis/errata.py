"""Where the thesis contradicts itself or omits something: E1 to E21.

An erratum excuses a cell of the comparison only for the value that one of its
readings puts there, so it cannot hide another mistake.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Correction:
    """Values that a reading of the thesis puts into one column of a table.

    Attributes
    ----------
    table : str
        '2.1' to '2.5', or 'text' for the statements in the text.
    column : str
        Heading of the column. In the text, the key of the statement.
    values : dict of int to str
        The values by row, counted from 0. A statement, and an experiment's
        row of Table 2.5, is row 0.
    aspect : str
        The part of the cells that is replaced, see
        :mod:`kneerepro.networks.layer_table`.
    experiments : tuple of str
        The experiments concerned; all if empty.
    """

    table: str
    column: str
    values: dict[int, str]
    aspect: str = ''
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Erratum:
    """A contradiction in the thesis, or something it omits.

    Attributes
    ----------
    thesis : str
        What is wrong or missing.
    built : str
        The reading that is built by default.
    also : str
        The alternative readings, by the parameters that select them, as a
        preset writes these.
    parameters : dict of str to str
        The parameters of :mod:`kneerepro.config` that select a reading, with
        their default values as a preset writes them.
    default_reading : tuple of Correction
        What the default reading puts in place of the printed values. Empty if
        the default is what is printed, or if no cell is concerned.
    other_readings : tuple of tuple of Correction
        The same for each of the other readings.
    """

    thesis: str
    built: str
    also: str = ''
    parameters: dict[str, str] = field(default_factory=dict)
    default_reading: tuple[Correction, ...] = ()
    other_readings: tuple[tuple[Correction, ...], ...] = ()


def _layers(table, column, aspect, first_row, values, experiments=()):
    """Correct successive rows of a table of layers."""
    return Correction(
        table=table,
        column=column,
        aspect=aspect,
        values=dict(enumerate(values, first_row)),
        experiments=experiments,
    )


def _hyperparameter(column, value, *experiments):
    """Correct Table 2.5."""
    return Correction(
        table='2.5', column=column, values={0: value}, experiments=experiments
    )


def _text(key, value, *experiments):
    """Correct a statement in the text."""
    return Correction(
        table='text', column=key, values={0: value}, experiments=experiments
    )


def _decoder_channels(*filters):
    """Correct Table 2.2 for a decoder with these numbers of filters (E2)."""
    return (
        _layers('2.2', 'Filter', 'filters', 3, filters),
        _layers('2.2', 'Input', 'channels', 4, filters[:-1]),
        _layers('2.2', 'Output', 'channels', 3, filters),
    )


ERRATA = {
    'E1': Erratum(
        thesis='Table 2.2 prints the sizes one step ahead',
        built='4, 8, 16, 32, 64',
        default_reading=(
            _layers(
                '2.2', 'Input', 'size', 3, ('4x4', '8x8', '16x16', '32x32')
            ),
            _layers('2.2', 'Output', 'size', 3, ('8x8', '16x16', '32x32')),
        ),
    ),
    'E2': Erratum(
        thesis='Table 2.2 prints 256, 256, 128, 1 filters, but 128, 128, 64, '
        '1 output channels',
        built='256, 128, 64, 1',
        also='the printed ones: channels=256,256,128,1 and '
        'channels=128,128,64,1',
        parameters={'channels': '256,128,64,1'},
        default_reading=_decoder_channels('256', '128', '64', '1'),
        other_readings=(
            _decoder_channels('128', '128', '64', '1'),
            _decoder_channels('256', '256', '128', '1'),
        ),
    ),
    'E3': Erratum(
        thesis='Table 2.3: 5x5 filters with stride 2 and crop 1 do not double '
        'the size',
        built='4x4, crop 1',
        also='5x5, crop 2: filter_size=5',
        parameters={'filter_size': '4'},
        default_reading=(_layers('2.3', 'Filter', 'kernel', 3, ['4x4'] * 4),),
        other_readings=((_layers('2.3', 'Crop', '', 3, ['2'] * 4),),),
    ),
    'E4': Erratum(
        thesis="The activation of the decoder's and the generator's dense "
        'layer is printed as "-"',
        built='ReLU',
        also='linear: dense_nonlinearity=linear',
        parameters={'dense_nonlinearity': 'rectify'},
        default_reading=(
            _layers('2.2', 'Activ.', '', 1, ['ReLU']),
            _layers('2.3', 'Activ.', '', 1, ['ReLU']),
        ),
    ),
    'E5': Erratum(
        thesis="Some layers have a star, among them the generator's last "
        'layer',
        built='the star is batch normalisation, which that last layer does '
        'not get',
        also='batch_norm_output=yes; critic_batch_norm=no, as the authors of '
        'WGAN-GP advise',
        parameters={'batch_norm_output': 'no', 'critic_batch_norm': 'yes'},
        default_reading=(_layers('2.3', 'Layer', 'star', 6, ['']),),
        other_readings=(
            (_layers('2.4', 'Layer', 'star', 1, [''] * 4, ('wgan_gp',)),),
        ),
    ),
    'E6': Erratum(
        thesis='The formula of the loss is 1/(2n) times a sum, but the text '
        'calls it the MSE',
        built='half of the MSE is optimised, the MSE is reported',
    ),
    'E7': Erratum(
        thesis='Algorithm 2 ascends a sum of cross-entropies',
        built='the sum is descended, with target 1 for real and 0 for '
        'generated images',
    ),
    'E8': Erratum(
        thesis='Algorithm 3 states neither lambda nor the number of critic '
        'steps',
        built='10 and 1',
        also='other values of penalty_weight and critic_steps',
        parameters={'penalty_weight': '10', 'critic_steps': '1'},
    ),
    'E9': Erratum(
        thesis='The iterations are counted over all images, test images '
        'included. For the DCGAN, 4000 are printed, but 20 epochs have 4500',
        built='epochs of floor(training images / batch) minibatches',
        parameters={'iterations': ''},
        default_reading=(
            _text('iterations', '21700', 'cae2d'),
            _text('iterations', '20000', 'cae3d'),
            _text('iterations', '4500', 'dcgan'),
        ),
    ),
    'E10': Erratum(
        thesis="The images are split at 27,800, in the middle of a patient's "
        'slices',
        built='as printed',
        also='split=patient, which puts no patient on both sides',
        parameters={'split': 'last'},
        # Seven patients of 160 images are the fewest with at least 1000.
        other_readings=(
            (
                _text('train', '27680', 'cae2d'),
                _text('test', '1120', 'cae2d'),
                _text('iterations', '21600', 'cae2d'),
            ),
        ),
    ),
    'E11': Erratum(
        thesis='The text puts the sigmoid on the last convolution, Table 2.1 '
        'on the dense layer. The text has dense layers of 4096 and 100 '
        'units, the tables of 100 and 4096',
        built='as in the tables',
        also='encoder_sigmoid=conv',
        parameters={'encoder_sigmoid': 'dense'},
        default_reading=(
            _text('last_conv', 'Leaky ReLU 0.2'),
            _text('encoder_dense', '100'),
            _text('decoder_dense', '4096'),
        ),
        other_readings=(
            (
                Correction(
                    table='2.1',
                    column='Activ.',
                    values={4: 'sigmoid', 6: '-'},
                ),
            ),
        ),
    ),
    'E12': Erratum(
        thesis='The captions of Figures 3.7 to 3.10 are copies of Figure '
        "2.1's; the text cites a Table 2.6 for 2.5, and Figure 3.3 for 3.5",
        built='what the text says about these figures',
    ),
    'E13': Erratum(
        thesis="Figure 3.4's caption contradicts Table 2.5 (batch size, "
        'learning rate)',
        built='Table 2.5',
        also='batch_size=128, learning_rate=1e-4',
        default_reading=(
            _text('caption_batch', '4', 'cae3d'),
            _text('caption_rate', '5e-05', 'cae3d'),
            _text('learning_rate', '5e-05', 'cae3d'),
        ),
        # The caption's batch size, its rate, or both. 160 volumes are one
        # minibatch of 128, so 500 epochs are 500 iterations.
        other_readings=(
            (
                _hyperparameter('Batch size', '128', 'cae3d'),
                _text('batch_size', '128', 'cae3d'),
                _text('iterations', '500', 'cae3d'),
                _text('caption_rate', '5e-05', 'cae3d'),
                _text('learning_rate', '5e-05', 'cae3d'),
            ),
            (
                _hyperparameter('Learning rate α', '0.0001', 'cae3d'),
                _text('caption_batch', '4', 'cae3d'),
            ),
            (
                _hyperparameter('Batch size', '128', 'cae3d'),
                _hyperparameter('Learning rate α', '0.0001', 'cae3d'),
                _text('batch_size', '128', 'cae3d'),
                _text('iterations', '500', 'cae3d'),
            ),
        ),
    ),
    'E14': Erratum(
        thesis='Tables 2.2 and 2.3 have inputs of 100, but Table 2.5 has 200',
        built='Table 2.5',
        also='nz=100',
        default_reading=(
            _layers('2.1', 'Filter', 'filters', 6, ['200'], ('cae3d',)),
            _layers('2.1', 'Output', 'units', 6, ['200'], ('cae3d',)),
            _layers('2.2', 'Output', 'units', 0, ['200'], ('cae3d',)),
            _layers('2.2', 'Input', 'units', 1, ['200'], ('cae3d',)),
            _layers('2.3', 'Output', 'units', 0, ['200']),
            _layers('2.3', 'Input', 'units', 1, ['200']),
        ),
        other_readings=(
            (_hyperparameter('NZ', '100', 'cae3d', 'dcgan', 'wgan_gp'),),
        ),
    ),
    'E15': Erratum(
        thesis='Table 2.4 ends in an output of 1x100 after a layer of one '
        'unit',
        built='an output of one unit',
        default_reading=(_layers('2.4', 'Output', 'units', 6, ['1']),),
    ),
    'E16': Erratum(
        thesis="Table 2.5's learning rates of CAE 2D and WGAN differ from "
        'the released code (5e-5 for CAE 2D) and its README (5e-4)',
        built='Table 2.5',
        also='learning_rate=5e-5 and learning_rate=5e-4',
        other_readings=(
            (
                _hyperparameter('Learning rate α', '5e-05', 'cae2d'),
                _text('learning_rate', '5e-05', 'cae2d'),
            ),
            (
                _hyperparameter(
                    'Learning rate α', '0.0005', 'cae2d', 'wgan_gp'
                ),
                _text('learning_rate', '0.0005', 'cae2d', 'wgan_gp'),
            ),
        ),
    ),
    'E17': Erratum(
        thesis='"Normalised between 0 and 1" does not say over what. The '
        'published curves start at 0.12, and slide 160 is as bright as slide '
        '80. Both suggest that each slice was divided by its maximum, as in '
        'the released code',
        built='each volume from its minimum to its maximum, with which the '
        'networks learn (E21)',
        also='normalise=slice-max, as in the released code (except that a '
        'slice without positive values becomes 0, not NaN); normalise=slice, '
        'each slice from its minimum to its maximum; normalise=dataset, all '
        'volumes alike',
        parameters={'normalise': 'volume'},
    ),
    'E18': Erratum(
        thesis='It is not stated whether left knees are mirrored',
        built='left knees are not mirrored; the side is recorded',
        also='flip_left=yes',
        parameters={'flip_left': 'no'},
    ),
    'E19': Erratum(
        thesis='The test loss of the released code is that of the first ten '
        'test images, at each iteration',
        built='that loss, and the loss of the whole test set after each epoch',
        also='first_ten_every=40 computes the first less often: with volumes, '
        'it takes nearly as long as the training',
        parameters={'first_ten_every': '1'},
    ),
    'E20': Erratum(
        thesis='The order of the minibatches is not stated',
        built='a new random order each epoch, from a seed',
        also='shuffle=no',
        parameters={'shuffle': 'yes'},
    ),
    'E21': Erratum(
        thesis='The initial parameters are not stated. The published curves '
        'start at 0.12, which is the error of an output of 0.5, as '
        "Lasagne's defaults give it",
        built="Lasagne's defaults, except for the bias of an autoencoder's "
        'last layer, which is the logit of the mean training intensity. '
        'With a bias of 0 the code saturates, and every reconstruction is '
        'the mean image',
        also="output_bias=zero, which is Lasagne's default, or a number",
        parameters={'output_bias': 'mean'},
    ),
}
