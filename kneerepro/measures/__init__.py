"""What the thesis judged by eye, measured.

Functions of plain NumPy arrays, which know of no run and no network:
:mod:`.reconstruction` of reconstructed images, :mod:`.generation` of
generated ones, :mod:`.curves` of losses, and :mod:`.bootstrap` for how sure
one can be of a number.
"""
