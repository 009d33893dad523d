"""Predict a label from what a network has learned without labels.

The thesis suggests it as future work: "the deepest generator output could be
used for a supervised learning task, such as predicting knee size" (section
4.2). :mod:`.features` has the numbers that describe each volume, of networks
and of plain baselines, :mod:`.target` the labels, :mod:`.cross_validation` the
predictions, :mod:`.scores` how good they are, and :mod:`.study` puts them
together.
"""
