"""The figures of finished runs, from what the runs saved."""

import numpy as np

from kneerepro.experiment.footer import footer_of, footer_of_networks
from kneerepro.figures import architecture, cae2d, cae3d, codes, gan
from kneerepro.runs import zoo

#: What draws the networks, by the figure's number.
ARCHITECTURES = {
    '2.3': architecture.figure_2_3,
    '2.4': architecture.figure_2_4,
    '2.5': architecture.figure_2_5,
}


def _architecture(number):
    def draw(run, results):
        # The networks as they were built; the parameters do not show.
        networks = zoo.build(
            run.experiment,
            zoo.options_of(
                run.experiment, run.parameters, run.settings['data']['shape']
            ),
        )
        return ARCHITECTURES[number](
            *networks, footer_of_networks(run.parameters, run.experiment)
        )

    return draw


def baselines_of(results):
    """Errors on the test set that an autoencoder is compared with.

    Parameters
    ----------
    results : dict of str to array
        Of a run. Those of earlier versions have none.

    Returns
    -------
    dict of str to float
        Mean squared errors by what was shown instead of reconstructions.
    """
    if 'mean_mse' not in results:
        return {}
    return {
        'mean of the training set': float(results['mean_mse']),
        f'{int(results["components"])} principal components of the training '
        'set': float(results['components_mse']),
    }


def _figure_3_2(run, results):
    return cae2d.figure_3_2(
        results['truth'],
        results['reconstruction'],
        list(results['slides']),
        footer_of(run),
    )


def _figure_3_3(run, results):
    return cae2d.figure_3_3(
        results['train_loss'],
        results['test_loss'],
        results['first_ten_loss'],
        int(results['iterations_per_epoch']),
        results['insets'],
        list(results['inset_epochs']),
        footer_of(run),
        baselines_of(results),
    )


def _figure_3_4(run, results):
    return cae3d.figure_3_4(
        results['truth'],
        results['reconstruction'],
        list(results['patients']),
        list(results['slides']),
        np.concatenate([results['middle'][None], results['over_time']]),
        list(results['shown_epochs']),
        footer_of(run),
    )


def _figure_3_5(run, results):
    # Of the epochs of Figure 3.4, those of the insets, 1, 200 and 400 of 500.
    chosen = [0, 2, 4] if len(results['shown_epochs']) == 6 else [0, -1]
    return cae3d.figure_3_5(
        results['train_loss'],
        results['test_loss'],
        results['first_ten_loss'],
        int(results['iterations_per_epoch']),
        results['over_time'][chosen],
        list(results['shown_epochs'][chosen]),
        footer_of(run),
        baselines_of(results),
    )


def _figure_3_6(run, results):
    return gan.figure_3_6(
        results['over_time'],
        list(results['shown_epochs']),
        results['real'],
        footer_of(run),
    )


def _figure_3_7(run, results):
    return gan.figure_3_7(
        results['discriminator_loss'],
        results['generator_loss'],
        int(results['iterations_per_epoch']),
        footer_of(run),
    )


def _figure_3_8(run, results):
    return gan.figure_3_8(
        results['over_time'],
        list(results['shown_epochs']),
        results['real'],
        footer_of(run),
    )


def _figure_3_9(run, results):
    return gan.figure_3_9(
        results['real'], results['generated'], footer_of(run)
    )


def _figure_3_10(run, results):
    return gan.figure_3_10(
        results['critic_loss'],
        results['generator_loss'],
        int(results['iterations_per_epoch']),
        footer_of(run),
    )


#: Of each experiment, what draws its figures, by the number in the thesis:
#: functions of a run and its results.
FIGURES = {
    'cae2d': {
        '2.3': _architecture('2.3'),
        '3.2': _figure_3_2,
        '3.3': _figure_3_3,
    },
    'cae3d': {
        '2.4': _architecture('2.4'),
        '3.4': _figure_3_4,
        '3.5': _figure_3_5,
    },
    'dcgan': {
        '2.5': _architecture('2.5'),
        '3.6': _figure_3_6,
        '3.7': _figure_3_7,
    },
    'wgan_gp': {
        '2.5': _architecture('2.5'),
        '3.8': _figure_3_8,
        '3.9': _figure_3_9,
        '3.10': _figure_3_10,
    },
}


#: Base name of the figure that :func:`codes_of_run` draws.
CODES = 'codes'


def codes_of_run(run, results):
    """The codes of an autoencoder's examples.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array

    Returns
    -------
    matplotlib.figure.Figure or None
        None for a GAN, and for runs of earlier versions, which have no codes.
    """
    if 'code_plane' not in results:
        return None
    volume = results['code_volume']
    return codes.scatter_of_codes(
        results['code_plane'],
        results['code_explained'],
        results['code_tests'],
        results['volume_side'][volume],
        results['volume_width'][volume],
        footer_of(run),
    )


def file_name(number):
    """Of a figure, without folder and extension."""
    return 'figure' + number.replace('.', '_')
