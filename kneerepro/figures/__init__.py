"""The figures of the thesis, one function each.

Each function draws into a new :class:`matplotlib.figure.Figure` and returns
it. No display is needed.
"""
