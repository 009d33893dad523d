"""The DCGAN of volumes, which goes beyond the thesis (section 4.2).

"A natural step forward would be to extend the DCGAN and WGAN-GP to a 3D
architecture". Trains it with Algorithm 2, as the thesis trains its DCGAN, and
draws generated volumes over the training, real volumes beside them, and the
losses. The volumes are synthetic knees or, with --data, come from a folder of
DICOM series or from a dataset file.
"""

from __future__ import annotations

from kneerepro.algorithms import compile_dcgan
from kneerepro.experiment.evaluation import ImageSpread
from kneerepro.experiment.generated_volumes import GeneratedVolumes
from kneerepro.experiment.session import Experiment

TIMES = 1, 4, 8, 12, 16, 20  # as Figure 3.6: of 20 epochs
SAMPLES = range(1, 21)  # epochs after which a sample is saved


def train(experiment: Experiment) -> None:
    """Train the networks of a run, and save what its figures show."""
    parameters = experiment.parameters

    # ---- Tables 2.3 and 2.4 with one dimension more, and Algorithm 2 as it is
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

    # ------------------------------------------------------------- training
    volumes = GeneratedVolumes(experiment, functions.generate)
    # Fewer volumes than images: a volume takes as long as its slices.
    image_spread = ImageSpread(experiment, functions, generated=16, real=64)
    training = experiment.training(
        functions, ['discriminator', 'generator'], ['image_spread']
    )
    for batch in training.minibatches():
        training.log(discriminator=functions.train_discriminator(batch))
        training.log(generator=functions.train_generator())
        if training.ends_epoch:
            training.log(image_spread=image_spread())
        volumes.keep(
            training,
            shown=training.ends_scaled_epoch(TIMES, 20),
            sampled=training.ends_scaled_epoch(SAMPLES, 20),
        )

    experiment.finish(training, **volumes.results())
