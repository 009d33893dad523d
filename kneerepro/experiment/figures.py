"""The figures of finished runs, drawn from the results that the runs saved."""

from __future__ import annotations

import numpy as np

from kneerepro.experiment.footer import footer_of, footer_of_networks
from kneerepro.figures import architecture, cae2d, cae3d, codes, gan, gan3d
from kneerepro.figures.planes import PROPORTIONS
from kneerepro.figures.style import save_figure
from kneerepro.runs import Run, zoo

Results = dict[str, np.ndarray]

#: Functions that draw the networks, by the figure's number.
ARCHITECTURES = {
    '2.3': architecture.figure_2_3,
    '2.4': architecture.figure_2_4,
    '2.5': architecture.figure_2_5,
}


def _architecture(number):
    def draw(run, results):
        # The figure shows shapes and no parameters, so new networks will do.
        networks = zoo.build(
            run.experiment,
            zoo.builder_options(
                run.experiment, run.parameters, run.settings['data']['shape']
            ),
        )
        return ARCHITECTURES[number](
            *networks, footer_of_networks(run.parameters, run.experiment)
        )

    return draw


def baselines_of(results: Results) -> dict[str, float]:
    """Return the test errors that an autoencoder's is compared with.

    Parameters
    ----------
    results : dict of str to array
        Of a run. Runs of earlier versions have no baselines.

    Returns
    -------
    dict of str to float
        Mean squared error of each baseline, by its name in legends.
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
    # Figure 3.4 shows epochs 1, 100, ..., 500; the insets epochs 1, 200, 400.
    # A run of few epochs has fewer of them.
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


def _planes_in(results, prefix):
    """The middle planes that a GAN of volumes saved, by their names."""
    return {name: results[prefix + name] for name in PROPORTIONS}


def _volumes_over_time(run, results):
    return gan3d.volumes_over_time(
        _planes_in(results, 'over_time_'),
        list(results['shown_epochs']),
        _planes_in(results, 'real_'),
        footer_of(run),
    )


def _real_and_generated_volumes(run, results):
    return gan3d.real_and_generated_volumes(
        _planes_in(results, 'real_'),
        _planes_in(results, 'generated_'),
        footer_of(run),
    )


#: Functions that draw the figures of each experiment, by the figure's number
#: in the thesis, or by its name beyond it. Each takes a run and its results.
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
    'dcgan3d': {
        'dcgan3d_volumes': _volumes_over_time,
        'dcgan3d_compared': _real_and_generated_volumes,
        'dcgan3d_losses': _figure_3_7,
    },
    'wgan_gp3d': {
        'wgan_gp3d_volumes': _volumes_over_time,
        'wgan_gp3d_compared': _real_and_generated_volumes,
        'wgan_gp3d_losses': _figure_3_10,
    },
}


#: Base name of the scatter plot of an autoencoder's codes.
CODES = 'codes'


def file_name(number: str) -> str:
    """Return a figure's file name, without folder and extension.

    Parameters
    ----------
    number : str
        A key of :data:`FIGURES`.
    """
    if number[0].isdigit():
        return 'figure' + number.replace('.', '_')
    return number


def draw_figure(run: Run, results: Results, number: str) -> list[str]:
    """Draw a figure of a finished run and save it in the run's folder.

    Parameters
    ----------
    run : kneerepro.runs.Run
    results : dict of str to array
        From :meth:`kneerepro.runs.Run.results`.
    number : str
        A key of :data:`FIGURES`, such as '3.4'.

    Returns
    -------
    list of str
        The files written.
    """
    draw = FIGURES[run.experiment][number]
    return save_figure(
        draw(run, results), run.path('figures', file_name(number))
    )


def draw_codes(run: Run, results: Results) -> list[str]:
    """Draw the scatter plot of an autoencoder's codes and save it.

    Parameters
    ----------
    run, results
        See :func:`draw_figure`.

    Returns
    -------
    list of str
        The files written: none for a GAN, and none for a run of a version
        that did not save codes.
    """
    if 'code_plane' not in results:
        return []
    volume = results['code_volume']
    figure = codes.scatter_of_codes(
        results['code_plane'],
        results['code_explained'],
        results['code_tests'],
        results['volume_side'][volume],
        results['volume_width'][volume],
        footer_of(run),
    )
    return save_figure(figure, run.path('figures', CODES))
