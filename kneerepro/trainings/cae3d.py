"""The 3D convolutional autoencoder (sections 2.4.1 and 3.2).

Trains it with Algorithm 1 and draws Figures 2.4, 3.4 and 3.5. The volumes are
synthetic knees or, with --data, come from a folder of DICOM series or from a
dataset file.
"""

from __future__ import annotations

import numpy as np

from kneerepro.algorithms import compile_cae
from kneerepro.experiment.evaluation import (
    evaluate_autoencoder,
    measure_code_spread,
)
from kneerepro.experiment.session import Experiment
from kneerepro.runs.batches import mean_over

SLIDES = 20, 80, 160  # Figure 3.4: of 160
EPOCHS = 1, 100, 200, 300, 400, 500  # Figure 3.4: of 500
INSETS = 1, 200, 400  # Figure 3.5: of 500
SAMPLES = range(25, 501, 25)  # epochs after which a sample is saved


def train(experiment: Experiment) -> None:
    """Train the networks of a run, and save what its figures show."""
    parameters = experiment.parameters
    batch_size = parameters['batch_size']

    # ---- section 2.4.1: "The same layout was preserved as in the 2D case"
    encoder, decoder = experiment.build()
    functions = compile_cae(
        encoder,
        decoder,
        parameters['learning_rate'],
        parameters['beta1'],
        parameters['beta2'],
        mode=experiment.engine.mode,
    )

    # -------------------------- section 3.2: the volumes that Figure 3.4 shows
    # "3 different slide depths for 3 different patients", from the test set
    # if it has three.
    sets = {'test': experiment.test, 'training': experiment.train}
    rng = np.random.RandomState(parameters['seed'])
    chosen = [
        (name, i)
        for name, volumes in sets.items()
        for i in rng.permutation(len(volumes))
    ][:3]
    shown = np.stack([sets[name][i] for name, i in chosen])
    slides = [
        max(1, round(slide * experiment.shape[0] / SLIDES[-1]))
        for slide in SLIDES
    ]
    planes = np.array(slides) - 1
    middle = planes[1]

    # ------------------------------------------------ section 3.2: training
    # Section 2.4.1: "A training set of 160 3D images was used, alongside a
    # test set of the remaining 20 images".
    test = experiment.test
    training = experiment.training(
        functions, ['train', 'test', 'first_ten'], ['code_spread']
    )
    if training.iteration == 0:
        training.log(
            test=mean_over(functions.test, test, batch_size),
            code_spread=measure_code_spread(experiment, functions),
        )
    for batch in training.minibatches():
        training.log(train=functions.train(batch))
        if training.ends_interval(parameters['first_ten_every']):  # E19
            training.log(first_ten=functions.test(test[:10]))
        if training.ends_epoch:
            training.log(
                test=mean_over(functions.test, test, batch_size),
                code_spread=measure_code_spread(experiment, functions),
            )
        if training.ends_scaled_epoch(EPOCHS + INSETS, 500):
            training.record(
                shown_epochs=training.epoch,
                over_time=functions.reconstruct(shown[:1])[0, 0, middle],
            )
        if training.ends_scaled_epoch(SAMPLES, 500):
            made = functions.reconstruct(shown[:1])[0, 0, planes]
            experiment.save_sample(training, [shown[0, 0, planes], made])

    experiment.finish(
        training,
        slides=slides,
        truth=shown[:, 0, planes],
        patients=[f'{name} volume {i + 1}' for name, i in chosen],
        middle=shown[0, 0, middle],
        reconstruction=np.stack(
            [functions.reconstruct(volume[None])[0, 0] for volume in shown]
        )[:, planes],
        **evaluate_autoencoder(experiment, functions),
    )
