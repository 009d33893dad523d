"""Runs of experiments: what they keep on disk, and how they train.

A run is a folder ``runs/<experiment>/<time>-<preset>/`` with

===================  ======================================================
config.json          the settings that determine the results, and the
                     arguments of the command line
environment.json     versions and machine, one entry for each start
losses.csv           losses and measures, one row for each iteration
samples/             images made during the training
checkpoints/         the last two checkpoints, from which a run resumes
results.npz          the arrays that the figures show; written last, it marks
                     the run as finished
model.npz            the trained networks, for :mod:`kneerepro.runs.zoo`
figures/             the figures as PNG and PDF
tensorboard/         the curves for TensorBoard, if asked for
report.html          everything on one page
===================  ======================================================
"""

from kneerepro.runs.run import Run, create, find, find_finished

__all__ = ['Run', 'create', 'find', 'find_finished']
