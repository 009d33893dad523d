"""How far values of one volume may differ and still count as equal.

Scanners, archives and anonymisers write the same number in several ways, and
round it.
"""

from __future__ import annotations

import numpy as np

# In ms. Files round EchoTime to 0.01 ms or better; the echoes of one
# acquisition are at least some 0.2 ms apart.
ECHO_TIME = 0.05
# TemporalPositionIdentifier counts.
TEMPORAL_POSITION = 0.1
# Of each cosine in ImageOrientationPatient: 0.01 is an angle of 0.6 degrees,
# which moves the rim of a knee by half a millimetre.
COSINE = 0.01
# In mm. Over 512 pixels, half a millimetre.
PIXEL_SPACING = 0.001
# In mm, along the normal. Slices of a knee are at least 0.2 mm apart.
SAME_POSITION = 0.05
# As a fraction of the distance between slices.
STEP = 0.1
# In mm, within the plane, from the line on which the corners of all slices
# lie. Files round positions to 0.1 mm or better.
SHIFT = 0.1
# In mm within the plane for each mm along the normal: that line may deviate
# from the normal as far as the cosines may.
SHEAR = COSINE
# Distinct values of a volume that is no image. Label maps of a knee have 2 to
# some 12, images of a scanner hundreds, and synthetic ones at least dozens.
MAX_LABELS = 16


def cluster(values: np.ndarray, tolerance: float) -> np.ndarray:
    """Number values so that those which count as equal have one number.

    Parameters
    ----------
    values : array, shape (n,) or (n, coordinates)
    tolerance : float
        Values are different if a gap wider than this separates them in one
        of their coordinates. Values that differ by more but are linked by
        others in between count as equal, so the order does not matter.

    Returns
    -------
    array of int, shape (n,)
        From 0, in the order of the values.
    """
    columns = np.atleast_2d(np.transpose(np.asarray(values, float)))
    numbers = np.zeros(len(values), int)
    while True:
        before = numbers.max(initial=0)
        for column in columns:
            order = np.lexsort((column, numbers))
            apart = np.diff(column[order]) > tolerance
            apart |= np.diff(numbers[order]) > 0
            numbers[order[1:]] = np.cumsum(apart)
            numbers[order[:1]] = 0
        # What one coordinate has separated, another may separate further.
        if numbers.max(initial=0) == before:
            return numbers
