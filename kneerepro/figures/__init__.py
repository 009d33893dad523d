"""The thesis's figures, one function each.

They draw into a new :class:`matplotlib.figure.Figure`, which they return, and
need no display.
"""
