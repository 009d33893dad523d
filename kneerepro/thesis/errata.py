"""Where the thesis contradicts itself or is silent: E1 to E21.

An erratum excuses a cell of :mod:`kneerepro.thesis` only for the value that
one of its readings puts there, so it cannot hide another mistake.
"""

from collections import namedtuple

Erratum = namedtuple(
    'Erratum',
    'thesis built also parameters default others',
    defaults=['', {}, (), ()],
)
Erratum.__doc__ = """A contradiction or an omission.

Attributes
----------
thesis : str
    What is wrong with it.
built, also : str
    The reading that is built by default, and what else can be had.
parameters : dict
    Those of :mod:`kneerepro.config` that choose the reading, and what they
    are by default, as they are written in a preset.
default : tuple of Correction
    What the default reading puts in the place of what is printed. Empty if
    no cell is concerned, or the default is what is printed.
others : tuple of tuple of Correction
    The same of other readings.
"""

Correction = namedtuple(
    'Correction', 'table column aspect values of', defaults=[()]
)
Correction.__doc__ = """Values that a reading puts into a column.

Attributes
----------
table : str
    '2.1' to '2.5', or 'text' for the statements in the text.
column : str
    For the text, the key of the statement.
aspect : str
    The part of the cells meant, see :mod:`kneerepro.networks.layer_table`.
values : dict of int to str
    By row, from 0. A table without rows to choose from has 0 alone.
of : tuple of str
    The experiments meant; all if empty.
"""


def _rows(first, *values):
    return dict(enumerate(values, first))


def _text(key, value, *of):
    return Correction('text', key, '', {0: value}, of)


def _hyper(column, value, *of):
    return Correction('2.5', column, '', {0: value}, of)


def _channels(filters):
    """Table 2.2 for decoders of these filters (E2)."""
    return (
        Correction('2.2', 'Filter', 'filters', _rows(3, *filters)),
        Correction('2.2', 'Input', 'channels', _rows(4, *filters[:-1])),
        Correction('2.2', 'Output', 'channels', _rows(3, *filters)),
    )


_GANS = 'dcgan', 'wgan_gp'

ERRATA = {
    'E1': Erratum(
        'Table 2.2 prints sizes one step ahead',
        '4, 8, 16, 32, 64',
        default=(
            Correction(
                '2.2',
                'Input',
                'size',
                _rows(3, '4x4', '8x8', '16x16', '32x32'),
            ),
            Correction(
                '2.2', 'Output', 'size', _rows(3, '8x8', '16x16', '32x32')
            ),
        ),
    ),
    'E2': Erratum(
        'Table 2.2: 256, 256, 128, 1 filters, 128, 128, 64, 1 channels',
        '256, 128, 64, 1',
        'the others with channels=',
        {'channels': '256,128,64,1'},
        _channels(('256', '128', '64', '1')),
        (
            _channels(('128', '128', '64', '1')),
            _channels(('256', '256', '128', '1')),
        ),
    ),
    'E3': Erratum(
        'Table 2.3: 5x5, stride 2, crop 1 does not double',
        '4x4, crop 1',
        '5x5, crop 2 with filter_size=5',
        {'filter_size': '4'},
        (Correction('2.3', 'Filter', 'kernel', _rows(3, *['4x4'] * 4)),),
        ((Correction('2.3', 'Crop', '', _rows(3, *['2'] * 4)),),),
    ),
    'E4': Erratum(
        'The decoder\'s and the generator\'s dense layer: "-"',
        'ReLU',
        'linear with dense_nonlinearity=None',
        {'dense_nonlinearity': 'rectify'},
        (
            Correction('2.2', 'Activ.', '', {1: 'ReLU'}),
            Correction('2.3', 'Activ.', '', {1: 'ReLU'}),
        ),
    ),
    'E5': Erratum(
        "A star on some layers, also on the generator's last",
        'batch norm, not on that one',
        "batch_norm_output=True, and critic_batch_norm=False, as WGAN-GP's "
        'authors advise',
        {'batch_norm_output': 'no', 'critic_batch_norm': 'yes'},
        (Correction('2.3', 'Layer', 'star', {6: ''}),),
        (
            (
                Correction(
                    '2.4', 'Layer', 'star', _rows(1, *[''] * 4), ('wgan_gp',)
                ),
            ),
        ),
    ),
    'E6': Erratum(
        'The loss is 1/(2n) of a sum; the text says MSE',
        'optimises half of the MSE, reports the MSE',
    ),
    'E7': Erratum(
        'Algorithm 2 ascends a sum of cross-entropies',
        'descends; targets 1 real, 0 generated',
    ),
    'E8': Erratum(
        "Algorithm 3 prints neither lambda nor the critic's steps",
        '10 and 1',
        "penalty_weight=, and the caller's loop",
        {'penalty_weight': '10', 'critic_steps': '1'},
    ),
    'E9': Erratum(
        'Iterations counted over all images, test ones included; 4000 for '
        "the DCGAN's 20 epochs, which have 4500",
        'epochs of floor(training images / batch) minibatches',
        parameters={'iterations': ''},
        default=(
            _text('iterations', '21700', 'cae2d'),
            _text('iterations', '20000', 'cae3d'),
            _text('iterations', '4500', 'dcgan'),
        ),
    ),
    'E10': Erratum(
        'Images are split at 27,800, in the midst of a patient',
        'as printed',
        'patient_split: nobody on both sides',
        {'split': 'last'},
        # Seven patients of 160 images are the fewest for 1000 to test.
        others=(
            (
                _text('train', '27680', 'cae2d'),
                _text('test', '1120', 'cae2d'),
                _text('iterations', '21600', 'cae2d'),
            ),
        ),
    ),
    'E11': Erratum(
        'The sigmoid is on the last convolution in the text, on the dense '
        'layer in Table 2.1; dense layers of 4096 and 100 units there, of '
        '100 and 4096 in the tables',
        'as in Table 2.1',
        "encoder_sigmoid='conv'",
        {'encoder_sigmoid': 'dense'},
        (
            _text('last_convolution', 'Leaky ReLU 0.2'),
            _text('encoder_dense', '100'),
            _text('decoder_dense', '4096'),
        ),
        ((Correction('2.1', 'Activ.', '', {4: 'sigmoid', 6: '-'}),),),
    ),
    'E12': Erratum(
        "Captions of Figures 3.7 to 3.10 are copies of 2.1's; the text "
        'cites a Table 2.6 for 2.5, and Figure 3.3 for 3.5',
        'what the text says of these figures',
    ),
    'E13': Erratum(
        "Figure 3.4's caption differs from Table 2.5 (batch, rate)",
        'Table 2.5',
        '--batch-size, --learning-rate',
        default=(
            _text('batch_size in the caption', '4', 'cae3d'),
            _text('learning_rate in the caption', '5e-05', 'cae3d'),
            _text('learning_rate', '5e-05', 'cae3d'),
        ),
        # The batch, the rate, or both; 160 volumes are one batch of 128.
        others=(
            (
                _hyper('Batch size', '128', 'cae3d'),
                _text('batch_size', '128', 'cae3d'),
                _text('iterations', '500', 'cae3d'),
                _text('learning_rate in the caption', '5e-05', 'cae3d'),
                _text('learning_rate', '5e-05', 'cae3d'),
            ),
            (
                _hyper('Learning rate α', '0.0001', 'cae3d'),
                _text('batch_size in the caption', '4', 'cae3d'),
            ),
            (
                _hyper('Batch size', '128', 'cae3d'),
                _hyper('Learning rate α', '0.0001', 'cae3d'),
                _text('batch_size', '128', 'cae3d'),
                _text('iterations', '500', 'cae3d'),
            ),
        ),
    ),
    'E14': Erratum(
        'Input of 100 in Tables 2.2 and 2.3, 200 in Table 2.5',
        'Table 2.5',
        'nz=100',
        default=(
            Correction('2.1', 'Filter', 'filters', {6: '200'}, ('cae3d',)),
            Correction('2.1', 'Output', 'units', {6: '200'}, ('cae3d',)),
            Correction('2.2', 'Output', 'units', {0: '200'}, ('cae3d',)),
            Correction('2.2', 'Input', 'units', {1: '200'}, ('cae3d',)),
            Correction('2.3', 'Output', 'units', {0: '200'}),
            Correction('2.3', 'Input', 'units', {1: '200'}),
        ),
        others=((_hyper('NZ', '100', 'cae3d', *_GANS),),),
    ),
    'E15': Erratum(
        'Table 2.4 ends in 1x100 after one unit',
        'one unit',
        default=(Correction('2.4', 'Output', 'units', {6: '1'}),),
    ),
    'E16': Erratum(
        "Table 2.5's rates of CAE 2D and WGAN are not those of the released "
        'code (5e-5 for CAE 2D) and its README (5e-4)',
        'Table 2.5',
        '--learning-rate',
        others=(
            (
                _hyper('Learning rate α', '5e-05', 'cae2d'),
                _text('learning_rate', '5e-05', 'cae2d'),
            ),
            (
                _hyper('Learning rate α', '0.0005', 'cae2d', 'wgan_gp'),
                _text('learning_rate', '0.0005', 'cae2d', 'wgan_gp'),
            ),
        ),
    ),
    'E17': Erratum(
        '"Normalised between 0 and 1", over what? The published curves start '
        'at 0.12 and slide 160 is as bright as slide 80, which speaks for '
        'slices, each by its maximum, as in the released code',
        'each volume, minimum to maximum, with which the networks learn (E21)',
        '--normalise slice-max, as released (a slice without positive values '
        'is 0, not NaN); slice, minimum to maximum; dataset',
        {'normalise': 'volume'},
    ),
    'E18': Erratum(
        'Left and right knees',
        'not flipped, the side is recorded',
        '--flip-left',
        {'flip_left': 'no'},
    ),
    'E19': Erratum(
        'The test loss of the released code: the first ten test images, each '
        'iteration',
        'the whole test set, each epoch, beside it',
        '--first-ten-every 40 for fewer of them: of ten volumes, they take '
        'nearly as long as the training',
        {'first_ten_every': '1'},
    ),
    'E20': Erratum(
        'The order of minibatches',
        'new each epoch, seeded',
        '--no-shuffle',
        {'shuffle': 'yes'},
    ),
    'E21': Erratum(
        'Initial parameters: not stated. The published curves start at 0.12, '
        "where an output of 0.5 has its error, as Lasagne's defaults give "
        'it',
        "Lasagne's defaults, but for the bias of an autoencoder's last "
        'layer: the logit of the mean training intensity. With a bias of 0, '
        'the code saturates and every reconstruction is the mean image',
        "--output-bias zero, Lasagne's default, or a number",
        {'output_bias': 'mean'},
    ),
}
