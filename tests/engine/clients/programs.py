"""Public Theano and Lasagne programs that the runner knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program, and how it is run.

    Attributes
    ----------
    name : str
    file : str
        A pattern for its path in the folder with the checkouts.
    source : str
        Where to get it.
    calls : int
        The number of calls of compiled functions after which it is stopped.
    arguments : tuple of str
        Its command line.
    python2 : bool
        Whether it is written in Python 2.
    packages : tuple of str
        Modules that it imports and that have to be installed.
    path : str
        A folder that it imports from, relative to its own.
    float_type : {'float32', 'float64'}, optional
        Theano's floatX if the program requires one. By default, it takes
        either.
    function : str
        A test in it that is called, as a test runner does, if the program does
        nothing by itself.
    """

    name: str
    file: str
    source: str
    calls: int = 10
    arguments: tuple[str, ...] = ()
    python2: bool = False
    packages: tuple[str, ...] = ()
    path: str = '.'
    float_type: str | None = None
    function: str = ''


def _newmu(name, calls=5, float_type=None):
    return Program(
        f'Theano-Tutorials, {name}',
        f'Theano-Tutorials*/{name}.py',
        'github.com/Newmu/Theano-Tutorials',
        calls,
        python2=True,
        float_type=float_type,
    )


def _deep_learning(name, calls=10, function=''):
    return Program(
        f'DeepLearningTutorials, {name}',
        f'DeepLearningTutorials*/code/{name}.py',
        'github.com/lisa-lab/DeepLearningTutorials',
        calls,
        python2=True,
        function=function,
    )


def _denil(cost):
    return Program(
        f'dropout, mlp {cost}',
        'dropout*/mlp.py',
        'github.com/mdenil/dropout',
        5,
        (cost,),
        python2=True,
    )


def _nielsen(name, calls=20):
    return Program(
        f'DeepLearningPython, {name}',
        f'DeepLearningPython*/chapter_codes/{name}.py',
        'github.com/MichalDanielDobrzanski/DeepLearningPython',
        calls,
        path='..',
        # It sets this itself.
        float_type='float32',
    )


def _keras(name, calls=5, *packages):
    return Program(
        f'Keras 2.3.1, {name}',
        f'[Kk]eras*/examples/{name}.py',
        'pip download --no-deps --no-binary :all: Keras==2.3.1',
        calls,
        packages=(
            'keras_applications',
            'keras_preprocessing',
            'h5py',
            'yaml',
            *packages,
        ),
        path='..',
    )


def _recipes(folder, name, calls=5, *arguments):
    return Program(
        ' '.join([f'Lasagne Recipes, {name}', *arguments]),
        f'Recipes*/{folder}/{name}.py',
        'github.com/Lasagne/Recipes',
        calls,
        arguments,
        python2=True,
        packages=('lasagne',),
    )


def _lasagne(name, calls=10, *arguments):
    return Program(
        ' '.join([f'Lasagne 0.1, {name}', *arguments[:1]]),
        f'Lasagne*/examples/{name}.py',
        'pip download --no-deps --no-binary :all: Lasagne==0.1',
        calls,
        arguments,
    )


_VAE = 'examples/variational_autoencoder'

PROGRAMS = (
    _newmu('1_linear_regression', 100),
    _newmu('2_logistic_regression', 20),
    _newmu('4_modern_net'),
    _newmu('5_convolutional_net', 2, 'float32'),
    _deep_learning('logistic_sgd', 20),
    _deep_learning('logistic_cg'),
    _deep_learning('mlp'),
    _deep_learning('convolutional_mlp', 1),
    _deep_learning('dA'),
    _deep_learning('cA', 4),
    _deep_learning('SdA', 8),
    _deep_learning('rbm', 3),
    _deep_learning('DBN', 3),
    _deep_learning('lstm', 6),
    _deep_learning('rnnslu'),
    _deep_learning('hmc/test_hmc', 20, 'test_hmc'),
    Program(
        'theano_exercises, 03_energy_soln',
        'theano_exercises*/02_advanced/01_symbolic/03_energy_soln.py',
        'github.com/goodfeli/theano_exercises',
        1,
        python2=True,
    ),
    Program(
        'trainingRNNs',
        'trainingRNNs*/RNN.py',
        'github.com/pascanur/trainingRNNs',
        3,
        python2=True,
        # Its recurrent weights are of this type. Its linker needs --with-c.
        float_type='float32',
    ),
    _denil('dropout'),
    _denil('backprop'),
    _nielsen('chapter6-shallow'),
    _nielsen('chapter6-1conv'),
    _nielsen('chapter6-relu', 5),
    _recipes(_VAE, 'variational_autoencoder', 3),
    _recipes(_VAE, 'variational_autoencoder', 2, '--continuous'),
    _lasagne('mnist', 10, 'mlp', '1'),
    _lasagne('mnist', 2, 'cnn', '1'),
    _lasagne('recurrent', 4),
    _keras('mnist_mlp'),
    _keras('mnist_cnn', 2),
    _keras('mnist_irnn', 3),
    _keras('mnist_hierarchical_rnn', 3),
    _keras('mnist_siamese'),
    _keras('mnist_denoising_autoencoder', 2),
    _keras('variational_autoencoder', 5, 'pydot'),
    _keras('addition_rnn'),
    _keras('antirectifier'),
    _keras('imdb_lstm', 3),
    _keras('imdb_cnn', 2),
    _keras('imdb_fasttext'),
    _keras('reuters_mlp'),
)
