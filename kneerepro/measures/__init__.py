"""Measurements of what the thesis judges by eye.

These functions take plain NumPy arrays and know nothing of runs or networks.
:mod:`.reconstruction` compares reconstructed images with their ground truth,
:mod:`.generation` compares sets of generated and real images, :mod:`.curves`
describes loss curves, :mod:`.codes` measures how much codes and images vary,
and :mod:`.bootstrap` gives confidence intervals.
"""
