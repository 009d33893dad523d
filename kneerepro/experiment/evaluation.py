"""What networks have learned of their inputs: numbers that a training logs,
and those that its figures and its report show.
"""

import numpy as np

from kneerepro.measures import codes, reconstruction
from kneerepro.runs.training import outputs_over


def spread_of_codes(experiment, functions):
    """How much the code varies over the test examples, or over the training
    examples where there is but one for testing.

    Parameters
    ----------
    experiment : kneerepro.experiment.session.Experiment
        Of an autoencoder.
    functions : kneerepro.algorithms.cae.CAEFunctions

    Returns
    -------
    float
        See :func:`kneerepro.measures.codes.code_spread`.
    """
    examples = (
        experiment.test if len(experiment.test) > 1 else experiment.train
    )
    return codes.code_spread(
        outputs_over(
            functions.encode, examples, experiment.parameters['batch_size']
        )
    )


class SpreadOfImages:
    """How much generated images vary, relative to real ones.

    Called without arguments, it gives the
    :func:`~kneerepro.measures.codes.image_spread` of 64 generated images,
    of the same noise each time, over that of 256 training images: 1 for
    images as varied as the real ones, 0 for a single image.

    Parameters
    ----------
    experiment : kneerepro.experiment.session.Experiment
        Of a GAN.
    functions : DCGANFunctions or WGANGPFunctions
    """

    def __init__(self, experiment, functions):
        # Numbers of its own, so that the training's stay as they are.
        rng = np.random.RandomState([experiment.parameters['seed'], 1])
        self._noise = rng.normal(
            size=(64, experiment.parameters['nz'])
        ).astype('float32')
        self._generate = functions.generate
        self._of_real = codes.image_spread(experiment.some(256))

    def __call__(self):
        made = self._generate(self._noise)
        # Training images that are all equal have nothing to vary by.
        return codes.image_spread(made) / (self._of_real or 1.0)


def learned(experiment, functions):
    """Measures of a trained autoencoder.

    Parameters
    ----------
    experiment : kneerepro.experiment.session.Experiment
    functions : kneerepro.algorithms.cae.CAEFunctions

    Returns
    -------
    dict of str to array
        ``mean_mse``, ``components_mse``, ``components``
            See :class:`kneerepro.measures.reconstruction.Baselines`.
        ``identified`` : bool, shape (test examples,)
            See :func:`kneerepro.measures.reconstruction.identified`.
        ``code_plane`` : float32, shape (n, 2)
            The codes of all examples, training examples first, on the first
            two principal components.
        ``code_explained`` : shape (2,)
            Share of the codes' variance along each of them.
        ``code_volume`` : int, shape (n,)
            Number of the volume in the dataset.
        ``code_tests`` : bool, shape (n,)
            Whether it is a test example.
        ``volume_side`` : str, shape (volumes,)
            'LEFT', 'RIGHT' or ''.
        ``volume_width`` : float, shape (volumes,)
            Epicondylar width in mm of a synthetic knee; NaN where it is not
            known.
    """
    train, test = experiment.train[:], experiment.test[:]
    batch_size = experiment.parameters['batch_size']
    found = reconstruction.baselines(test, train, experiment.parameters['nz'])
    made = outputs_over(functions.reconstruct, test, batch_size)
    plane, explained = codes.principal_plane(
        np.concatenate(
            [
                outputs_over(functions.encode, examples, batch_size)
                for examples in (train, test)
            ]
        )
    )
    return {
        'mean_mse': found.mean,
        'components_mse': found.components,
        'components': found.count,
        'identified': reconstruction.identified(made, test),
        'code_plane': plane.astype('float32'),
        'code_explained': explained,
        'code_volume': np.concatenate(
            [experiment.train.volume, experiment.test.volume]
        ),
        'code_tests': np.repeat([False, True], [len(train), len(test)]),
        'volume_side': experiment.sides,
        'volume_width': experiment.widths,
    }
