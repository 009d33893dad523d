"""The WGAN-GP of volumes, which goes beyond the thesis (section 4.2).

"A natural step forward would be to extend the DCGAN and WGAN-GP to a 3D
architecture". Trains it with Algorithm 3, as the thesis trains its WGAN-GP,
and draws generated volumes over the training, real volumes beside them, and
the losses. The volumes are synthetic knees or, with --data, come from a folder
of DICOM series or from a dataset file.
"""

from __future__ import annotations

from kneerepro.algorithms import compile_wgan_gp
from kneerepro.experiment.evaluation import ImageSpread
from kneerepro.experiment.generated_volumes import GeneratedVolumes
from kneerepro.experiment.session import Experiment

TIMES = 1, 7, 10, 20, 26, 35  # as Figure 3.8: epochs, of 35
SAMPLES = range(1, 36, 2)  # epochs after which a sample is saved


def train(experiment: Experiment) -> None:
    """Train the networks of a run, and save what its figures show."""
    parameters = experiment.parameters

    # ---- Tables 2.3 and 2.4 with one dimension more, and Algorithm 3 as it is
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

    # ------------------------------------------------------------- training
    volumes = GeneratedVolumes(experiment, functions.generate)
    # Fewer volumes than images: a volume takes as long as its slices.
    image_spread = ImageSpread(experiment, functions, generated=16, real=64)
    training = experiment.training(
        functions, ['critic', 'generator'], ['image_spread']
    )
    for batch in training.minibatches():
        training.log(critic=functions.train_critic(batch))
        if training.iteration % parameters['critic_steps'] == 0:  # E8
            training.log(generator=functions.train_generator())
        if training.ends_epoch:
            training.log(image_spread=image_spread())
        volumes.keep(
            training,
            shown=training.ends_scaled_epoch(TIMES, 35),
            sampled=training.ends_scaled_epoch(SAMPLES, 35),
        )

    experiment.finish(training, **volumes.results())
