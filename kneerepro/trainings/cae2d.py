"""The 2D convolutional autoencoder (sections 2.4.1 and 3.1).

Trains it with Algorithm 1 and draws Figures 2.3, 3.2 and 3.3. The images are
those of synthetic knees or, with --data, of a folder of DICOM series or of a
dataset file.
"""

from __future__ import annotations

from kneerepro.algorithms import compile_cae
from kneerepro.experiment.evaluation import (
    evaluate_autoencoder,
    measure_code_spread,
)
from kneerepro.experiment.session import Experiment
from kneerepro.runs.batches import mean_over

SLIDES = 20, 40, 60, 80, 100, 120  # Figure 3.2: "every 20 slides"
INSETS = 20, 40, 80  # Figure 3.3: epochs, of 100
SAMPLES = range(5, 101, 5)  # epochs after which a sample is saved


def train(experiment: Experiment) -> None:
    """Train the networks of a run, and save what its figures show."""
    parameters = experiment.parameters
    batch_size = parameters['batch_size']

    # ---------------------------------- Tables 2.1 and 2.2, and Algorithm 1
    encoder, decoder = experiment.build()
    functions = compile_cae(
        encoder,
        decoder,
        parameters['learning_rate'],
        parameters['beta1'],
        parameters['beta2'],
        mode=experiment.engine.mode,
    )

    # --------------------------- section 3.1: the images that Figure 3.2 shows
    # "The samples were taken every 20 slides from the first patient."
    depth = experiment.shape[0]
    slides = [max(1, round(slide * depth / 160)) for slide in SLIDES]
    truth = experiment.train[[slide - 1 for slide in slides]]
    # "An example of the reconstructed image can be seen at the 20th, 40th and
    # 80th epoch"; the thesis does not say of which image.
    example = truth[len(truth) // 2 :][:1]

    # ------------------------------------------------ section 3.1: training
    # Section 2.4.1: "The dataset was divided into 27,800 images for training
    # and 1000 images for testing" (E10: the cut divides a patient).
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
        if training.ends_scaled_epoch(INSETS, 100):
            training.record(
                inset_epochs=training.epoch,
                insets=functions.reconstruct(example)[0, 0],
            )
        if training.ends_scaled_epoch(SAMPLES, 100):
            shown = functions.reconstruct(truth)
            experiment.save_sample(training, [truth[:, 0], shown[:, 0]])

    experiment.finish(
        training,
        slides=slides,
        truth=truth[:, 0],
        reconstruction=functions.reconstruct(truth)[:, 0],
        **evaluate_autoencoder(experiment, functions),
    )
