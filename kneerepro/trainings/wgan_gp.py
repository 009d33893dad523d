"""The WGAN with gradient penalty (sections 2.4.2 and 3.4).

Trains it with Algorithm 3 and draws Figures 2.5, 3.8, 3.9 and 3.10. The images
are those of synthetic knees or, with --data, of a folder of DICOM series or of
a dataset file.
"""

from __future__ import annotations

import numpy as np

from kneerepro.algorithms import compile_wgan_gp
from kneerepro.experiment.evaluation import ImageSpread
from kneerepro.experiment.session import Experiment

TIMES = 1, 7, 10, 20, 26, 35  # Figure 3.8: epochs, of 35
SAMPLES = range(1, 36, 2)  # epochs after which a sample is saved
COMPARED = 100  # Figure 3.9: "100 real and generated images"


def train(experiment: Experiment) -> None:
    """Train the networks of a run, and save what its figures show."""
    parameters = experiment.parameters

    # -- Tables 2.3 and 2.4: "the last layer of the discriminator in the
    # -- WGAN-GP [...] had no activation function"; and Algorithm 3
    generator, critic = experiment.build()
    functions = compile_wgan_gp(
        generator,
        critic,
        parameters['batch_size'],
        parameters['learning_rate'],
        parameters['beta1'],
        parameters['beta2'],
        parameters['penalty_weight'],
        parameters['seed'],
        mode=experiment.engine.mode,
    )

    # The noise is the same each time, so that differences come from the
    # training.
    rng = np.random.RandomState(parameters['seed'])
    noise = rng.normal(size=(COMPARED, parameters['nz'])).astype('float32')
    z = noise[:9]

    # ------------------------------------------------ section 3.4: training
    image_spread = ImageSpread(experiment, functions)
    # The GANs have no test set (E9).
    training = experiment.training(
        functions, ['critic', 'generator'], ['image_spread']
    )
    for batch in training.minibatches():
        training.log(critic=functions.train_critic(batch))
        if training.iteration % parameters['critic_steps'] == 0:  # E8
            training.log(generator=functions.train_generator())
        if training.ends_epoch:
            training.log(image_spread=image_spread())
        if training.ends_scaled_epoch(TIMES, 35):
            training.record(
                shown_epochs=training.epoch,
                over_time=functions.generate(z)[:, 0],
            )
        if training.ends_scaled_epoch(SAMPLES, 35):
            made = functions.generate(z)
            experiment.save_sample(
                training, made.reshape(3, 3, *made.shape[2:])
            )

    # Figure 3.9: "100 real and generated images at the end"
    real = experiment.sample_training(COMPARED)[:, 0]
    experiment.finish(
        training,
        real=real,
        generated=functions.generate(noise[: len(real)])[:, 0],
    )
