"""The DCGAN (sections 2.4.2 and 3.3).

Trains it with Algorithm 2 and draws Figures 2.5, 3.6 and 3.7. The images are
those of synthetic knees or, with --data, of a folder of DICOM series or of a
dataset file.
"""

from __future__ import annotations

import numpy as np

from kneerepro.algorithms import compile_dcgan
from kneerepro.experiment.evaluation import ImageSpread
from kneerepro.experiment.session import Experiment

TIMES = 1, 4, 8, 12, 16, 20  # Figure 3.6: "6 training times", of 20 epochs
SAMPLES = range(1, 21)  # epochs after which a sample is saved
REAL = 100  # training images that set the white level of Figure 3.6


def train(experiment: Experiment) -> None:
    """Train the networks of a run, and save what its figures show."""
    parameters = experiment.parameters

    # ---------------------------------- Tables 2.3 and 2.4, and Algorithm 2
    generator, discriminator = experiment.build()
    functions = compile_dcgan(
        generator,
        discriminator,
        parameters['batch_size'],
        parameters['learning_rate'],
        parameters['beta1'],
        parameters['beta2'],
        parameters['seed'],
        mode=experiment.engine.mode,
    )

    # "A random selection of 9 generated images": from the same noise each
    # time, so that differences come from the training.
    rng = np.random.RandomState(parameters['seed'])
    z = rng.normal(size=(9, parameters['nz'])).astype('float32')

    # ------------------------------------------------ section 3.3: training
    image_spread = ImageSpread(experiment, functions)
    # The GANs have no test set (E9).
    training = experiment.training(
        functions, ['discriminator', 'generator'], ['image_spread']
    )
    for batch in training.minibatches():
        training.log(discriminator=functions.train_discriminator(batch))
        training.log(generator=functions.train_generator())
        if training.ends_epoch:
            training.log(image_spread=image_spread())
        if training.ends_scaled_epoch(TIMES, 20):
            training.record(
                shown_epochs=training.epoch,
                over_time=functions.generate(z)[:, 0],
            )
        if training.ends_scaled_epoch(SAMPLES, 20):
            made = functions.generate(z)
            experiment.save_sample(
                training, made.reshape(3, 3, *made.shape[2:])
            )

    experiment.finish(training, real=experiment.sample_training(REAL)[:, 0])
